"""``bssgw demo``: stories between all systems, played in a simulated world, drawn, and judged by how everybody stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from gateway.stories.play import Told
    from gateway.stories.story import Story

DOCS = Path("docs") / "stories"


@click.group(epilog=EXIT_HELP)
def demo() -> None:
    """演示故事：各系统之间会发生什么。Stories: what happens between all systems.

    \b
    例 Example:  bssgw demo list && bssgw demo run lost-receipt
    """


@demo.command(name="list", epilog=EXIT_HELP)
@json_option
def list_(as_json: bool) -> None:
    """列出故事。List the stories by chapter.

    \b
    例 Example:  bssgw demo list
    """
    from gateway.stories.story import read_story, story_names

    stories = [read_story(name) for name in story_names()]
    rows = [{"name": one.name, "clause": one.clause, "zh": one.zh, "en": one.en} for one in stories]

    def show() -> None:
        table("故事 stories", ("章 chapter", "名称 name", "", ""), [(r["clause"], r["name"], r["zh"], r["en"]) for r in rows])

    emit(as_json, rows, show)


@demo.command(epilog=EXIT_HELP)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="全部故事，每个一行。Every story, a row each.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="另存 SVG、Mermaid 与文本。Save SVG, Mermaid and text there.",
)
@json_option
@click.pass_context
def run(ctx: click.Context, names: tuple[str, ...], everything: bool, out: Path | None, as_json: bool) -> None:
    """演出故事 NAME：真实的网关与数据库、模拟的对端、虚拟时间；终态全部符合预期才为 0。

    Play the stories NAME: the real gateway and store, simulated peers, virtual time.  0 only if every system ends as expected
    and the auditor finds nothing wrong.

    \b
    例 Examples:
      bssgw demo run lost-receipt
      bssgw demo run --all
      bssgw demo run cutover --out .
    """
    from gateway.stories.story import story_names

    if bool(names) == everything:
        raise CommandFailed(Exit.USAGE, "给出故事名，或 --all", "name a story, or --all")
    told = []
    for story in _stories(story_names() if everything else list(names)):
        told.append(_play(story))
        if everything and not as_json:
            _tell_row(told[-1])
    if out is not None:
        _save(told, out)
    rows = [_plain(one) for one in told]
    emit(as_json, rows, lambda: None if everything else _tell_all(told))
    if everything and not as_json:
        click.echo(f"{sum(not one.wrong for one in told)}/{len(told)}")
    ctx.exit(Exit.FAILED if any(one.wrong for one in told) else Exit.OK)


@demo.command(epilog=EXIT_HELP)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=DOCS)
@click.option("--check", is_flag=True, help="只比较，不写。Only compare.")
@json_option
@click.pass_context
def docs(ctx: click.Context, folder: Path, check: bool, as_json: bool) -> None:
    """演出全部故事，把页面与图写入 FOLDER（缺省 docs/stories）。

    Play every story and write its page and drawing to FOLDER (default docs/stories).

    \b
    例 Example:  bssgw demo docs --check
    """
    from gateway.cli.demo_pages import pages
    from gateway.stories.story import story_names

    told = [_play(story) for story in _stories(story_names())]
    wrong = {one.story.name: one.wrong for one in told if one.wrong}
    if wrong:
        emit(as_json, {"ok": False, "wrong": wrong, "changed": [], "gone": []}, lambda: _tell_each_wrong(told))
        ctx.exit(Exit.FAILED)
    made = pages(told)
    stale = [name for name, text in made.items() if not _holds(folder / name, text)]
    gone = [path.name for path in sorted(folder.glob("*.md")) if path.name not in made and _is_ours(path)]
    gone += [name.removesuffix(".md") + ".svg" for name in gone if (folder / name).with_suffix(".svg").is_file()]
    if not check:
        _write(folder, {name: made[name] for name in stale}, gone)
    ok = not (check and (stale or gone))
    value = {"ok": ok, "wrong": wrong, "changed": stale, "gone": gone}
    emit(as_json, value, lambda: click.echo("\n".join(stale + gone) or "无变化 / no change"))
    ctx.exit(Exit.OK if ok else Exit.FAILED)


def _stories(names: list[str]) -> list[Story]:
    from gateway.stories.story import StoryInvalid, read_story

    try:
        return [read_story(name) for name in names]
    except StoryInvalid as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en) from fault


def _play(story: Story) -> Told:
    from gateway.stories.play import play

    return play(story)


def _tell_row(told: Told) -> None:
    story = told.story
    mark = "✗" if told.wrong else "✓"
    click.echo(f"{mark} {story.clause:<5} {story.name:<28} {told.virtual_ms / 1000:>8.1f}s  {story.zh} / {story.en}")
    _tell_wrong(told)


def _tell_wrong(told: Told) -> None:
    for line in told.wrong:
        click.echo(f"  ✗ {told.story.name}: {line}", err=True)


def _tell_each_wrong(told: list[Told]) -> None:
    for one in told:
        _tell_wrong(one)


def _tell_all(told: list[Told]) -> None:
    from gateway.cli.demo_drawing import draw_text

    for one in told:
        story = one.story
        click.echo(f"{story.zh} / {story.en} · {story.clause}\n{story.tells_zh}\n{story.tells_en}\n")
        click.echo(draw_text(one.moments, one.drawn_from))
        click.echo("")
        table("终态 how everybody stands", ("系统 system", "什么 what", "状态 state"), one.ends)
        _tell_wrong(one)
        fine = "终态全部符合，审计无异议 / all as expected, the auditor agrees"
        click.echo(f"{'终态不符 / not as expected' if one.wrong else fine} · {one.virtual_ms / 1000:.1f}s")


def _plain(told: Told) -> dict[str, Any]:
    story = told.story
    return {
        "name": story.name, "clause": story.clause, "zh": story.zh, "en": story.en, "reached": not told.wrong,
        "wrong": told.wrong, "virtual_ms": told.virtual_ms, "moments": len(told.moments), "digest": told.digest,
        "ends": [{"system": system, "what": what, "state": state} for system, what, state in told.ends],
    }  # fmt: skip


def _save(told: list[Told], out: Path) -> None:
    from gateway.cli.demo_drawing import draw_mermaid, draw_text
    from gateway.cli.demo_pages import drawing

    files: dict[str, str] = {}
    for one in told:
        name = one.story.name
        files |= {f"{name}.svg": drawing(one), f"{name}.mmd": draw_mermaid(one.moments) + "\n"}
        files[f"{name}.txt"] = draw_text(one.moments, one.drawn_from) + "\n"
    _write(out, files, [])


def _write(folder: Path, files: dict[str, str], gone: list[str]) -> None:
    """Raises CommandFailed: the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in gone:
            (folder / name).unlink()
    except OSError as fault:
        raise CommandFailed(
            Exit.USAGE, f"{folder} 不可写（{fault.strerror}）", f"{folder} cannot be written ({fault.strerror})"
        ) from fault


def _is_ours(path: Path) -> bool:
    """Whether a page was made here, of a story that is no more."""
    from gateway.cli.demo_pages import MADE

    return path.read_text(encoding="utf-8", errors="replace").startswith(MADE)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
