"""``bssgw conformance report``, ``key``, ``verify`` and ``compare``: what a run leaves behind (spec 07.8)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.compare import Gate
    from conformance.manifest import Verified

_DIR = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(epilog=EXIT_HELP)
@click.argument("directory", metavar="DIR", type=_DIR)
@click.option("--sign", type=_FILE, metavar="KEY", help="以此私钥签名（见 conformance key）。Sign with this private key.")
@json_option
def report(directory: Path, sign: Path | None, as_json: bool) -> None:
    """由 DIR 中的结果生成单页 HTML 报告与清单。

    Make the one-file HTML report and the manifest of the results in DIR.

    \b
    例 Examples:
      bssgw conformance report out
      bssgw conformance report out --sign tester.key
    """
    paths = leave(directory, sign)
    emit(as_json, [str(path) for path in paths], lambda: click.echo("\n".join(str(path) for path in paths)))


def leave(directory: Path, sign: Path | None) -> list[Path]:
    """Page and manifest beside the results of a directory. Raises CommandFailed."""
    from conformance.files import put
    from conformance.manifest import KeyInvalid, write_manifest
    from conformance.report import REPORT_FILE, page
    from conformance.results import ResultsInvalid

    try:
        path = directory / REPORT_FILE
        put({path: page(_results(directory))})
        return [path, *write_manifest(directory, sign)]
    except (KeyInvalid, ResultsInvalid) as fault:
        raise _failed(fault) from fault
    except OSError as fault:
        raise CommandFailed(Exit.FAILED, f"报告不可写：{fault}", f"the report cannot be written: {fault}") from fault


@click.command(epilog=EXIT_HELP)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def key(path: Path, as_json: bool) -> None:
    """生成签名用的密钥：FILE 为私钥，FILE.pub 为公钥。

    Make a key to sign reports with: FILE is the private key, FILE.pub the public one to hand out.

    \b
    例 Example:  bssgw conformance key judge.key
    """
    from conformance.manifest import KeyInvalid, make_key

    try:
        public, fingerprint = make_key(path)
    except FileExistsError as fault:
        kept = fault.filename
        raise CommandFailed(Exit.USAGE, f"{kept} 已存在，不覆盖", f"{kept} is there already and is kept") from fault
    except KeyInvalid as fault:
        raise _failed(fault) from fault
    except OSError as fault:
        raise CommandFailed(Exit.FAILED, f"密钥不可写：{fault}", f"the key cannot be written: {fault}") from fault
    made = {"private": str(path), "public": str(public), "fingerprint": fingerprint}
    emit(as_json, made, lambda: click.echo(f"私钥 private: {path}\n公钥 public: {public}\n指纹 fingerprint: {fingerprint}"))


@click.command(epilog=EXIT_HELP)
@click.argument("directory", metavar="DIR", type=_DIR)
@click.option("--key", "public", type=_FILE, metavar="PUB", help="须由此公钥的持有者签名。Must be signed with this key.")
@json_option
def verify(directory: Path, public: Path | None, as_json: bool) -> None:
    """核对 DIR 中的报告自生成后未被改动，逐一指出改动之处。

    Make sure that the report in DIR is as it was made, and name whatever is not.

    \b
    例 Examples:
      bssgw conformance verify out
      bssgw conformance verify out --key tester.key.pub
    """
    from conformance.manifest import KeyInvalid
    from conformance.manifest import verify as hold

    try:
        found = hold(directory, public)
    except KeyInvalid as fault:
        raise _failed(fault) from fault
    except OSError as fault:
        zh, en = f"{directory} 没有清单，先运行 conformance report", f"{directory} has no manifest; run conformance report"
        raise CommandFailed(Exit.USAGE, zh, en) from fault
    findings = [{"what": one.what, "zh": one.zh, "en": one.en} for one in found.findings]
    plain = {"intact": not findings, "files": found.files, "messages": found.messages, "key": found.key, "findings": findings}
    emit(as_json, plain, lambda: _show_verified(found))
    if findings:
        raise SystemExit(int(Exit.FAILED))


def _show_verified(found: Verified) -> None:
    for one in found.findings:
        click.echo(f"✘ {one.text}")
    signed = f"签名密钥 signed with {found.key}" if found.key else "未签名 not signed"
    state = "有改动 changed" if found.findings else "未改动 intact"
    click.echo(f"{state} · {found.files} 个文件 files · {found.messages} 条报文 messages · {signed}")


@click.command(epilog=EXIT_HELP)
@click.argument("before", type=click.Path(exists=True, path_type=Path))
@click.argument("after", type=click.Path(exists=True, path_type=Path))
@click.option("--accept", "accepted", multiple=True, metavar="ID", help="此用例（可用 5.3/* 等）不计。Do not hold this case.")
@click.option("--allow-missing", is_flag=True, help="未再执行的用例不计（只跑了一部分）。Do not hold cases no longer played.")
@json_option
def compare(before: Path, after: Path, accepted: tuple[str, ...], allow_missing: bool, as_json: bool) -> None:
    """比较两次结果；有 MUST 变差、不再判定（如失败变为不适用）、新增而未通过、或不再有时退出码为 1。

    Compare two runs; exit code 1 when a MUST got worse, is no longer judged (a failure that became not applicable, too), is
    new and does not pass, or is missing.

    \b
    例 Examples:
      bssgw conformance compare out/earlier/1 out
      bssgw conformance compare baseline out --accept 5.3/4 --accept '5.12/*'
      bssgw conformance compare baseline part --allow-missing
    """
    from conformance.compare import compare as beside
    from conformance.compare import gate

    found = beside(_results(before), _results(after))
    judged = gate(found, accepted, missing=allow_missing)
    told = {
        "held": [{"why": kind, "id": row["id"]} for kind, row in judged.held],
        "accepted": [{"why": kind, "id": row["id"]} for kind, row in judged.accepted],
        "unused": list(judged.unused),
    }
    emit(as_json, {**found, "gate": told}, lambda: _show_compared(found, judged))
    if judged.held:
        raise SystemExit(int(Exit.FAILED))


_HELD = {
    "worse": "MUST 用例变差 a MUST case got worse",
    "unjudged": "MUST 用例不再判定：先前执行过，现在没有结论 a MUST case is no longer judged",
    "new": "新增的 MUST 用例未通过 a new MUST case does not pass",
    "gone": "原有的 MUST 用例不再有 a MUST case of the run before is missing",
}


def _show_compared(found: dict[str, Any], judged: Gate) -> None:
    from conformance.compare import KINDS

    for kind, (zh, en) in KINDS.items():
        rows = [(r["id"], r["level"], r["before"], r["after"], f"{r['zh']}\n{r['en']}\n{r['reason']}") for r in found[kind]]
        if rows:
            table(f"{zh} {en} {len(rows)}", ("用例 case", "级别 level", "前 before", "后 after", ""), rows)
    counts = " · ".join(f"{zh} {en} {len(found[kind])}" for kind, (zh, en) in KINDS.items())
    click.echo(f"{counts} · 相同 same {found['same']}")
    for kind, row in judged.held:
        click.echo(f"✘ {row['id']} {row['before'] or '-'} → {row['after'] or '-'}: {_HELD[kind]}")
    for kind, row in judged.accepted:
        click.echo(f"· {row['id']} 已接受 accepted: {_HELD[kind]}")
    for pattern in judged.unused:
        click.echo(f"· --accept {pattern} 未用到 met nothing")
    if judged.held:
        names = "、".join(dict.fromkeys(row["id"] for _, row in judged.held))
        click.echo(f"不通过：{len(judged.held)} 个 MUST 用例退步。修复，或以 --accept 接受：{names}")
        click.echo(f"Held: {len(judged.held)} MUST cases went back. Mend them, or accept each with --accept ID.")
    else:
        click.echo("通过：没有 MUST 用例退步。Passed: no MUST case went back.")


def _results(path: Path) -> dict[str, Any]:
    from conformance.results import ResultsInvalid, read

    try:
        return read(path)
    except ResultsInvalid as fault:
        raise _failed(fault) from fault
    except OSError as fault:
        raise CommandFailed(Exit.USAGE, f"{path} 中没有结果", f"there are no results in {path}") from fault


def _failed(fault: Exception) -> CommandFailed:
    zh, _, en = str(fault).partition(" / ")
    return CommandFailed(Exit.USAGE, zh, en or zh)
