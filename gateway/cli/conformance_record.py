"""``bssgw conformance record``: watch two real systems talk, judge it, make a case or a script of it (spec 07.9)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import questionnaire
from gateway.cli.conformance_reach import Reach, check_address, tls_options, with_tls
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, span, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.pics import Pics
    from conformance.record import Recording, Watch

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=EXIT_HELP)
@click.option("--listen", metavar="tcp://HOST:PORT", help="在此监听，亦可 http://。Where the caller is to connect; also http://.")
@click.option(
    "--to", "--endpoint", "target", metavar="tcp://HOST:PORT",
    help="转发到的系统，亦可 tls、http、https。The system it is passed on to; also tls, http, https.",
)
@click.option("--layout", help="报文头布局，缺省取自问卷。Packet layout; default: the questionnaire's.")
@click.option("--envelope", help="封装，缺省取自问卷。Envelope; default: the questionnaire's.")
@click.option("--pics", "pics_file", type=_FILE, help="问卷：布局、封装、系统编号。Questionnaire: layout, envelope, ids.")
@click.option("--out", type=_NEW, help="录制文件（JSON）。File for the recording.")
@click.option("--from", "source", type=_FILE, help="不监听，取已有的录制文件。Take an earlier recording instead.")
@click.option("--case", "case_file", type=_NEW, help="由录制生成用例（TOML）。Make a case of it.")
@click.option("--sut", default="pf", show_default=True, help="用例判定的角色。The role the case judges.")
@click.option("--script", "script_file", type=_NEW, help="生成模拟器脚本（资源处理时间）。Make a simulator script.")
@tls_options
@json_option
def record(
    listen: str | None, target: str | None, layout: str | None, envelope: str | None, pics_file: Path | None, out: Path | None,
    source: Path | None, case_file: Path | None, sut: str, script_file: Path | None, as_json: bool, tls: dict[str, str],
) -> None:  # fmt: skip
    """在两个真实系统之间旁听：逐字节转发，同时核对与评分，直到 Ctrl-C。

    Listen in between two real systems: pass every byte on, judge and score what was said, until Ctrl-C.

    \b
    例 Examples:
      bssgw conformance record --listen tcp://0.0.0.0:7201 --to tcp://192.0.2.7:7101 --out talk.json
      bssgw conformance record --listen http://0.0.0.0:7280 --endpoint https://192.0.2.7:7180 --ca-file ca.pem --out talk.json
      bssgw conformance record --from talk.json --case talk.toml --sut pf
    """
    from conformance.record_case import from_json
    from conformance.results import ResultsInvalid

    pics = questionnaire(pics_file)
    if source is not None:
        try:
            made = from_json(source.read_text("utf-8"))
        except (ResultsInvalid, OSError, UnicodeDecodeError) as fault:
            raise CommandFailed(Exit.USAGE, f"无法读取 {source}", f"cannot read {source}: {fault}") from fault
        _leave(made, None, case_file, script_file, pics, sut)
        _tell(made, as_json)
        return
    if listen is None or target is None:
        raise CommandFailed(Exit.USAGE, "须给出 --listen 与 --to，或 --from", "give --listen and --to, or --from")
    from twisted.internet import task

    recording, pics = _new(listen, target, layout or pics.layout, envelope or pics.envelope, pics, tls)

    def finish() -> None:
        _leave(recording, out, case_file, script_file, pics, sut)
        _tell(recording, as_json)

    task.react(_main, (recording, finish, as_json, pics.tls))


def _new(
    listen: str, target: str, layout: str, envelope: str, pics: Pics, tls: dict[str, str]
) -> tuple[Recording, Pics]:
    """An empty recording, and the questionnaire for its target; addresses, layout and envelope must be known. Raises
    CommandFailed."""
    from conformance.pics import HTTP, SOCKET, Pics, bound
    from conformance.record import Recording
    from gateway.clock import wall_ms
    from schemas.loader import load

    for address in (listen, target):
        check_address(address)
    met, web = bound(Pics(tls=pics.tls, listen={"caller": listen}), target), bound(Pics(), listen).web
    if met.web is not web:
        zh, en = "--listen 与 --endpoint 须同为套接字或同为 HTTP", "--listen and --endpoint are both sockets or both HTTP"
        raise CommandFailed(Exit.USAGE, zh, en)
    pics = replace(pics, tls=with_tls(met, target, tls).tls)
    there = [row.name for row in load().layouts()]
    if layout not in there:
        raise CommandFailed(Exit.USAGE, f"没有布局 {layout}，可用 {there}", f"there is no layout {layout}, but {there}")
    spoken = [row.name for row in load().envelopes()]
    if envelope not in spoken:
        raise CommandFailed(Exit.USAGE, f"没有封装 {envelope}，可用 {spoken}", f"there is no envelope {envelope}, but {spoken}")
    binding = HTTP if web else SOCKET
    codes = dict(pics.codes)
    made = Recording("" if web else layout, listen, target, wall_ms(), envelope=envelope, codes=codes, binding=binding)
    return made, pics


def _main(reactor: Any, *asked: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_listen(reactor, *asked))


def _watch(recording: Recording) -> Watch:
    """Who judges what passes."""
    from adapters.wire.layout import Layout
    from adapters.xml.codec import Codec
    from conformance.record import Watch
    from conformance.record_web import WebWatch
    from schemas.loader import load

    catalogue = load()
    if not recording.layout:
        return WebWatch(recording, catalogue, Codec(catalogue))
    return Watch(recording, catalogue, Layout(catalogue.layout(recording.layout)), Codec(catalogue))


async def _listen(
    reactor: Any, recording: Recording, finish: Callable[[], None], as_json: bool, tls: Mapping[str, str]
) -> None:
    from twisted.internet.error import CannotListenError

    from conformance.record_proxy import RecordingProxy
    from gateway.cli.serving import cannot_listen, ending
    from gateway.clock import WallClock
    from gateway.links.endpoints import format_address

    asked, closed = await ending(reactor)
    clock = WallClock(reactor)
    proxy = RecordingProxy(_watch(recording), recording.listen, recording.target, clock, Reach(reactor, clock, tls))
    try:
        where = recording.listen.partition("://")[0] + format_address(await proxy.start()).removeprefix("tcp")
    except CannotListenError as fault:
        failed = cannot_listen(fault)
        failed.show()
        closed.callback(None)
        raise SystemExit(failed.exit_code) from fault
    click.echo(f"旁听 listening at {where} → {recording.target} · Ctrl-C 结束 ends", err=as_json)
    await asked
    await proxy.stop()
    try:
        finish()
    except CommandFailed as failed:
        failed.show()
        raise SystemExit(failed.exit_code) from failed
    finally:
        closed.callback(None)


def _leave(
    recording: Recording, out: Path | None, case_file: Path | None, script_file: Path | None, pics: Pics, sut: str
) -> None:  # fmt: skip
    """The files asked for. Raises CommandFailed."""
    from conformance.record_case import NoCase, as_json, case_of, script_of
    from schemas.loader import load

    systems = dict(pics.systems)
    try:
        if out is not None:
            out.write_text(json.dumps(as_json(recording), ensure_ascii=False, indent=1) + "\n", "utf-8")
        if case_file is not None:
            case_file.write_text(case_of(recording, load(), systems, sut.upper()), "utf-8")
        if script_file is not None:
            script_file.write_text(script_of(recording, load(), systems), "utf-8")
    except NoCase as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.FAILED, zh, en) from fault
    except OSError as fault:
        raise CommandFailed(Exit.FAILED, f"不可写：{fault}", f"cannot be written: {fault}") from fault


def _tell(recording: Recording, as_json: bool) -> None:
    """Score and findings; exit code 1 when something was wrong."""
    times = sorted(recording.answer_ms)
    found = {
        "score": recording.score,
        "packets": recording.seen,
        "faulty": recording.faulty,
        "connections": recording.connections,
        "octets": recording.octets,
        "answers": len(times),
        "answer_p50_ms": times[len(times) // 2] if times else None,
        "answer_max_ms": times[-1] if times else None,
        "findings": [
            {"clause": one.clause, "connection": one.connection, "about": one.about, "zh": one.zh, "en": one.en}
            for one in recording.findings
        ],
    }
    emit(as_json, found, lambda: _show(recording, found))
    if recording.findings:
        raise SystemExit(int(Exit.FAILED))


def _show(recording: Recording, found: dict[str, Any]) -> None:
    rows = [(one.clause, one.connection, one.about, f"{one.zh}\n{one.en}") for one in recording.findings[:200]]
    if rows:
        table("", ("条款 clause", "连接 connection", "报文 message", "问题 finding"), rows)
    spans = f"{span(found['answer_p50_ms'])} / {span(found['answer_max_ms'])}"
    counts = f"{recording.connections} 个连接 connections · {recording.seen} 条报文 packets"
    faulty = f"{recording.faulty} 条有问题 faulty"
    click.echo(f"评分 score {recording.score} · {counts} · {faulty} · 应答 answers p50/max {spans}")
