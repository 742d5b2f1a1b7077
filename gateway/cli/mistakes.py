"""What is wrong with a command line, in both languages: click's exceptions told by their type and the facts they carry.

Nothing is read out of click's English sentences: what an exception does not carry (the value it would not take, the words that
were too many) is found by splitting the same words again with the parser of the same command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.cli.choosing import OneOf

EXAMPLE = re.compile(r"^ *(?:例 Examples?: +)?(bssgw [^\n]+)", re.MULTILINE)
"""A line of a help text that shows a call."""
COMMENT = re.compile(r"\s{2,}#.*")
NEAR = 0.6
"""How alike two names are (0..1) before one is taken for the other mistyped."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and what to do: by ``try`` the call that may be meant, ``example`` one of that command that is right,
    ``help`` the one that explains more."""

    zh: str
    en: str
    next: dict[str, str]


def mistake(fault: click.UsageError, words: Sequence[str], root: click.Context) -> Mistake:
    """``fault`` in both languages; ``words`` are the whole command line behind ``bssgw``, whose context is ``root``."""
    ctx = fault.ctx or _named(root, words)
    explained = {"help": f"{ctx.command_path} --help"}
    if isinstance(fault, click.exceptions.NoSuchCommand):
        zh, en, meant = _no_command(ctx, fault.command_name)
        return Mistake(zh, en, ({"try": meant} if meant else {}) | explained)
    if isinstance(fault, click.NoSuchOption):
        zh, en = _no_option(ctx, fault.option_name)
    elif isinstance(fault, click.MissingParameter):
        zh, en = _missing(fault)
    elif isinstance(fault, click.BadParameter):
        zh, en = _bad(fault, ctx, words)
    elif isinstance(fault, click.BadOptionUsage):
        zh, en = _option_misused(ctx, fault.option_name)
    else:
        zh, en = _other(fault, ctx, words)
    shown = next(examples_of(ctx.command), "")
    return Mistake(zh, en, ({"example": shown} if shown else {}) | explained)


def examples_of(command: click.Command) -> Iterator[str]:
    """The calls a command's help shows."""
    for found in EXAMPLE.finditer(command.help or ""):
        yield COMMENT.sub("", found[1]).strip()


def near(word: str, known: Sequence[str]) -> str | None:
    """The name in ``known`` that ``word`` was probably meant to be."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, 1, NEAR)), None)


# -- by type ------------------------------------------------------------------------------------------------------------


def _no_command(ctx: click.Context, name: str) -> tuple[str, str, str]:
    known = ctx.command.list_commands(ctx) if isinstance(ctx.command, click.Group) else []
    meant = near(name, known)
    path = f"{ctx.command_path} {meant}" if meant is not None else next(_elsewhere(ctx.find_root(), name), "")
    zh, en = f"{ctx.command_path} 没有命令 {name}", f"{ctx.command_path} has no command {name}"
    if path:
        return f"{zh}，是否指 {path}？", f"{en}; did you mean {path}?", path
    return f"{zh}，可用 {' '.join(known)}", f"{en}; there are: {' '.join(known)}", ""


def _elsewhere(root: click.Context, name: str) -> Iterator[str]:
    """Calls of commands of that very name in any group."""
    group = root.command
    for each in group.list_commands(root) if isinstance(group, click.Group) else ():
        command = group.get_command(root, each) if isinstance(group, click.Group) else None
        if isinstance(command, click.Group) and name in command.list_commands(root):
            yield f"{root.command_path} {each} {name}"


def _no_option(ctx: click.Context, name: str) -> tuple[str, str]:
    known = [option for one in ctx.command.get_params(ctx) if isinstance(one, click.Option) for option in _names(one)]
    zh, en = f"{ctx.command_path} 没有选项 {name}", f"{ctx.command_path} has no option {name}"
    meant = near(name.lstrip("-"), [option.lstrip("-") for option in known])
    if meant is not None:
        spelt = next(option for option in known if option.lstrip("-") == meant)
        return f"{zh}，是否指 {spelt}？", f"{en}; did you mean {spelt}?"
    if isinstance(ctx.command, click.Group):
        return f"{zh}：选项写在命令之后", f"{en}: options go behind the command"
    return f"{zh}，可用 {' '.join(known)}", f"{en}; there are: {' '.join(known)}"


def _missing(fault: click.MissingParameter) -> tuple[str, str]:
    name, param = _called(fault), fault.param
    zh, en = f"缺少 {name}", f"{name} is missing"
    known = [] if param is None else _choices(param.type)
    return (f"{zh}：{' | '.join(known)}", f"{en}: one of {', '.join(known)}") if known else (zh, en)


def _bad(fault: click.BadParameter, ctx: click.Context, words: Sequence[str]) -> tuple[str, str]:
    name, param = _called(fault), fault.param
    value = None if param is None else _refused(ctx, param, words)
    if param is None or value is None:
        zh, _, en = fault.message.partition(" / ")
        return f"{name}：{zh}", f"{name}: {en or zh}"
    zh, en = _why(param.type, str(value))
    return f"{name}：{zh}", f"{name}: {en}"


def _why(kind: click.ParamType[Any], value: str) -> tuple[str, str]:
    known = _choices(kind)
    if known:
        meant = near(value.lower(), [one.lower() for one in known])
        if meant is not None:
            spelt = next(one for one in known if one.lower() == meant)
            return f"没有 {value}，是否指 {spelt}？", f"no {value}; did you mean {spelt}?"
        return f"没有 {value}，可用 {', '.join(known)}", f"no {value}; there are: {', '.join(known)}"
    if isinstance(kind, click.Path):
        return _path(kind, value)
    span = _span(kind)
    if isinstance(kind, click.types.IntParamType):
        return f"{value} 不是{span or ''}整数", f"{value} is no whole number{_spanned(span)}"
    if isinstance(kind, click.types.FloatParamType):
        return f"{value} 不是{span or ''}数", f"{value} is no number{_spanned(span)}"
    return f"{value} 不行", f"{value} will not do"


def _span(kind: Any) -> str:
    """``1..1000``; empty where every number will do."""
    least, most = (_figure(getattr(kind, name, None)) for name in ("min", "max"))
    return f" {least}..{most} 的" if least or most else ""


def _figure(limit: float | None) -> str:
    return "" if limit is None else str(int(limit) if limit == int(limit) else limit)


def _spanned(span: str) -> str:
    return f" in {span.removesuffix('的').strip()}" if span else ""


def _path(kind: click.Path, value: str) -> tuple[str, str]:
    path = Path(value)
    if not path.exists():
        meant = near(path.name, _beside(path))
        if meant is not None:
            found = path.with_name(meant)
            return f"没有文件 {value}，是否指 {found}？", f"no file {value}; did you mean {found}?"
        return f"没有文件 {value}", f"there is no file {value}"
    if path.is_dir() and not kind.dir_okay:
        return f"{value} 是目录，这里要文件", f"{value} is a directory, a file is wanted"
    if path.is_file() and not kind.file_okay:
        return f"{value} 是文件，这里要目录", f"{value} is a file, a directory is wanted"
    return f"没有权限使用 {value}", f"no permission to use {value}"


def _beside(path: Path) -> list[str]:
    """What lies where the file was looked for."""
    try:
        return sorted(one.name for one in path.parent.iterdir())
    except OSError:
        return []  # there is no such folder, or it may not be read: nothing to propose


def _option_misused(ctx: click.Context, name: str) -> tuple[str, str]:
    option = next((one for one in ctx.command.get_params(ctx) if isinstance(one, click.Option) and name in _names(one)), None)
    if option is None or option.is_flag or option.count:
        return f"{name} 不带值", f"{name} takes no value"
    shown = f"{name} {option.make_metavar(ctx)}"
    if option.nargs > 1:
        return f"{name} 后面要有 {option.nargs} 个值：{shown}", f"{name} wants {option.nargs} values behind it: {shown}"
    return f"{name} 后面要有值：{shown}", f"{name} wants a value behind it: {shown}"


def _other(fault: click.UsageError, ctx: click.Context, words: Sequence[str]) -> tuple[str, str]:
    """Words that are too many, a group without command; what our own code says is in both languages already."""
    if isinstance(ctx.command, click.Group):
        return f"{ctx.command_path} 之后要有命令", f"{ctx.command_path} wants a command behind it"
    extra = _split(ctx, words)[1]
    if extra:
        listed = " ".join(extra)
        return f"多余的参数 {listed}", f"too many arguments: {listed}"
    zh, _, en = fault.message.partition(" / ")
    return zh, en or zh


# -- facts an exception does not carry ----------------------------------------------------------------------------------


def _called(fault: click.BadParameter) -> str:
    """The parameter as people write it: ``--limit``, ``FILES``."""
    if fault.param is None:
        return str(fault.param_hint or "")
    if isinstance(fault.param, click.Option):
        return "|".join(_names(fault.param))
    return fault.param.human_readable_name


def _names(option: click.Option) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _choices(kind: Any) -> list[str]:
    if isinstance(kind, click.Choice):
        return [str(one) for one in kind.choices]
    return list(kind.known()) if isinstance(kind, OneOf) else []


def _named(root: click.Context, words: Sequence[str]) -> click.Context:
    """The context of the command the words name: click leaves it out of some exceptions."""
    ctx, rest = root, list(words)
    while isinstance(ctx.command, click.Group):
        rest = ctx.command.make_parser(ctx).parse_args(rest)[1]
        command = ctx.command.get_command(ctx, rest[0]) if rest else None
        if command is None:
            break
        ctx, rest = click.Context(command, parent=ctx, info_name=rest[0]), rest[1:]
    return ctx


def _split(ctx: click.Context, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The words of this context's command as its own parser splits them, none converted: by parameter, and the rest."""
    own = list(words) if ctx.parent is None else _split(ctx.parent, words)[1][1:]
    values, rest, _ = ctx.command.make_parser(ctx).parse_args(own)
    return values, rest


def _refused(ctx: click.Context, param: click.Parameter, words: Sequence[str]) -> object | None:
    """The first value given for ``param`` that its type does not take; None where it was none of those given."""
    given = _split(ctx, words)[0].get(param.name or "")
    for value in given if isinstance(given, list | tuple) else [given]:
        try:
            if isinstance(value, str):
                param.type.convert(value, param, ctx)
        except click.BadParameter:
            return value
    return None
