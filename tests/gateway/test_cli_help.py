"""Every command of the tree says in both languages what it is for, shows a call that is right, and tells its exit codes."""

import json
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from gateway.cli import app
from gateway.cli.mistakes import examples_of

CHINESE = re.compile("[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[A-Za-z]{2,}[ ,:][^\u4e00-\u9fff]*[a-z]{2,}")
EXIT_CODES = "退出码 Exit codes"


def tree(command: click.Command, ctx: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield ctx.command_path, command, ctx
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            assert found is not None, f"{ctx.command_path} {name}"
            yield from tree(found, click.Context(found, parent=ctx, info_name=name))


COMMANDS = {path: (command, ctx) for path, command, ctx in tree(app.bssgw, click.Context(app.bssgw, info_name="bssgw"))}
OPTIONS = [
    (path, option)
    for path, (command, _) in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option) and option.opts != ["--version"]
]


def test_the_tree_is_walked_to_its_leaves() -> None:
    assert {"bssgw", "bssgw order", "bssgw order why", "bssgw fallout retry", "bssgw conformance run"} <= COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_its_purpose_stands_there_in_both_languages(path: str) -> None:
    purpose = (COMMANDS[path][0].help or "").split("\b")[0]
    assert CHINESE.search(purpose)
    assert ENGLISH.search(purpose)


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("path", COMMANDS)
def test_no_line_is_wider_than_the_terminal(path: str, width: int) -> None:
    """In columns, of which a Chinese character takes two; examples are copied, and stay in one piece."""
    command, parent = COMMANDS[path]
    ctx = click.Context(command, parent=parent.parent, info_name=parent.info_name, terminal_width=width)
    lines = command.get_help(ctx).splitlines()
    assert [line for line in lines if cell_len(line) > width and "bssgw " not in line] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_no_line_begins_with_what_ends_a_word(path: str) -> None:
    """Chinese has no blanks to end a line at; it ends behind a mark, never before one."""
    command, parent = COMMANDS[path]
    ctx = click.Context(command, parent=parent.parent, info_name=parent.info_name, terminal_width=80)
    lines = [line.strip() for line in command.get_help(ctx).splitlines()]
    assert [line for line in lines if re.match(r"[，。；：）、:;,)]|\.(?![./\w])", line)] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_several_examples_are_called_so(path: str) -> None:
    found = re.search(r"例 (Examples?):( *)\n?", COMMANDS[path][0].help or "")
    assert found is None or (found[1] == "Examples") == (found[0].endswith("\n")), path


@pytest.mark.parametrize("path", COMMANDS)
def test_it_shows_a_call_of_itself(path: str) -> None:
    command, _ = COMMANDS[path]
    calls = [call for call in examples_of(command) if call == path or call.startswith(f"{path} ")]
    assert calls, f"{path} shows no call of itself"


@pytest.mark.parametrize("path", COMMANDS)
def test_the_calls_it_shows_are_understood(path: str) -> None:
    """Options and commands of every example exist; files it names need not."""
    for call in examples_of(COMMANDS[path][0]):
        for one in re.split(r" && | \| ", call.split(" > ")[0].split(" >> ")[0]):
            if one.startswith("bssgw "):
                words = re.sub(r'"[^"]*"', "x", one).split()[1:]
                reached = "bssgw"
                while words and f"{reached} {words[0]}" in COMMANDS:
                    reached = f"{reached} {words.pop(0)}"
                command, ctx = COMMANDS[reached]
                assert not isinstance(command, click.Group), one
                known = {name for option in command.get_params(ctx) for name in (*option.opts, *option.secondary_opts)}
                assert {word.split("=")[0] for word in words if word.startswith("-") and word != "-"} <= known, one


@pytest.mark.parametrize("path", COMMANDS)
def test_it_tells_its_exit_codes_or_its_group_does(path: str) -> None:
    command, ctx = COMMANDS[path]
    above = ctx.parent.command if ctx.parent is not None and path.count(" ") > 1 else command
    assert any(EXIT_CODES in (one.epilog or one.help or "") for one in (command, above))


def test_each_option_is_told_in_both_languages() -> None:
    told = {f"{path} {option.opts[0]}": option.help or "" for path, option in OPTIONS}
    assert not [name for name, text in told.items() if not CHINESE.search(text) or not re.search("[A-Za-z]{2,}", text)]


@pytest.mark.parametrize("path", ["bssgw", "bssgw order", "bssgw order list"])
def test_help_is_printed(path: str) -> None:
    done = CliRunner().invoke(app.bssgw, [*path.split()[1:], "--help"])
    assert (done.exit_code, EXIT_CODES in done.output) == (0, True)


SAME = {"--area": ("schema list", "order ask"), "--as": (), "--limit": ("conformance load",), "--data-dir": (), "--config": (),
        "--json": ()}  # fmt: skip
"""Options that mean the same wherever they stand; but for those which say themselves what else they mean."""


@pytest.mark.parametrize("name", SAME)
def test_options_of_one_name_mean_one_thing(name: str) -> None:
    told: dict[tuple[str, object], list[str]] = {}
    for path, option in OPTIONS:
        if name in option.opts and path.removeprefix("bssgw ") not in SAME[name] and "conformance" not in path:
            told.setdefault((option.help or "", option.metavar), []).append(path)
    assert len(told) == 1, told


@pytest.mark.parametrize("name", ["--clause", "--area"])
def test_a_clause_is_asked_for_by_its_name_and_by_the_former_one(name: str) -> None:
    done = CliRunner().invoke(app.bssgw, ["schema", "list", name, "5.4"])
    assert (done.exit_code, "OH01" in done.output) == (0, True)


def test_a_state_of_cutovers_there_is_not_is_a_mistake() -> None:
    done = CliRunner().invoke(app.bssgw, ["cutover", "list", "--state", "77"])
    assert (done.exit_code, "--state" in done.stderr) == (2, True)




def test_every_command_prints_what_it_tells_as_json() -> None:
    leaves = {path: command for path, (command, _) in COMMANDS.items() if not isinstance(command, click.Group)}
    assert len(leaves) > 50
    assert [path for path, one in leaves.items() if not any("--json" in option.opts for option in one.params)] == []


@pytest.mark.parametrize(
    ("call", "text", "read"),
    [
        ("config example", "text", "config"),
        ("peer new RM0002 --role RM", "text", "row"),
        ("order example", "text", "sender"),
        ("conformance pics", "text", "questionnaire"),
    ],
)
def test_what_is_printed_to_be_kept_is_one_value_in_json(call: str, text: str, read: str) -> None:
    plain = CliRunner().invoke(app.bssgw, call.split()).stdout
    told = json.loads(CliRunner().invoke(app.bssgw, [*call.split(), "--json"]).stdout)
    assert told[text] == plain
    assert told[read]


@pytest.mark.parametrize("path", [path for path, (one, _) in COMMANDS.items() if isinstance(one, click.Group)])
def test_a_list_of_commands_says_in_both_languages_what_each_is_for(path: str) -> None:
    """Whole beginnings: nothing is cut in the middle of a sentence."""
    command, parent = COMMANDS[path]
    ctx = click.Context(command, parent=parent.parent, info_name=parent.info_name, terminal_width=80)
    text = command.get_help(ctx).partition("\nCommands")[2].partition(EXIT_CODES)[0]
    assert "..." not in text
    entries = [" ".join(one.split()) for one in re.split(r"\n  (?=[a-z])", text)[1:]]
    assert len(entries) == len(command.list_commands(ctx))
    assert [one for one in entries if not CHINESE.search(one) or not re.search("[A-Z][a-z]*[ .,:]", one)] == []
