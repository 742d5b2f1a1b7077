"""Is it what the line expects? Messages, answers and what happens to connections, held against an ``expect`` or ``quiet``."""

from __future__ import annotations

from typing import Any

from conformance.case_state import CaseState
from conformance.door import REFUSED
from conformance.exchange import Asked, Got, Wire
from conformance.match import NONE, NOTHING, SOME, differences
from conformance.model import Difference, Line, Verdict
from conformance.paper import Unfit, Unsendable
from conformance.stream import header_fields
from conformance.values import Unresolved, pattern
from conformance.verdict import Judged, about, meaning
from conformance.web_carriage import facts_of
from schemas.loader import RECEIPT

_ANSWERS = {"receipt": ("receipt",), "answer": ("reply",), "heartbeat_reply": ("heartbeat_reply",)}
"""What is expected -> the packet kinds that are it."""
_REFUSALS = ("receipt", "reply")
"""What may carry the refusal of a blocking request: it is its answer, and a receipt."""
_TAKEN = ("0000", "0001", "0002")
_DONE = ("applied", "resumed", "cancelled")
"""Outcomes that are no refusal, whatever code stands beside them."""


def expect(run: CaseState, line: Line, now: int, begun: int) -> bool:
    """Whether the line has what it waits for. Raises Judged where that is wrong, or can come no more."""
    if line.what in _ANSWERS:
        return _answer(run, line)
    if line.what == "refusal":
        return _refusal(run, line)
    if line.what == "response":
        return _response(run, line)
    if line.what in ("closed", "open"):
        return _connection(run, line, now, begun)
    if line.what in ("connected", "heartbeat"):
        return any(kind == line.what and party == line.party and at >= begun for kind, party, at in run.events)
    return _message(run, line, now)


def quiet(run: CaseState, line: Line, begun: int) -> None:
    """Raises Judged when something came that must not."""
    where = pattern(line.args.get("where", {}), run.scope(begun))
    for got in run.inbox:
        if got.taken or got.party != line.party or (line.what == "*" and got.at < begun):
            continue
        if line.what not in ("*", got.reading.packet.code) or differences(where, got.reading.body):
            continue
        packet = got.reading.packet
        came = f"{packet.code} {got.reading.element}"
        reason = f"不应收到 {came}，流水号 {packet.serial} / {came} must not come, serial {packet.serial}"
        raise Judged(Verdict.FAIL, reason, [Difference("/", f"没有 {line.what} / no {line.what}", came)])


def overdue(run: CaseState, line: Line, limit: int) -> Judged:
    """The time is up: what was waited for, and what came instead."""
    others = [got.reading.packet.code for got in run.inbox if not got.taken]
    came = ", ".join(dict.fromkeys(others)) or "无 / nothing"
    seconds = f"{limit / 1000:g} s"
    reason = f"{seconds} 内未收到 {line.what} / {line.what} did not come within {seconds}"
    if line.do == "open" or line.do == "send":
        return Judged(Verdict.INCONCLUSIVE, f"{seconds} 内未建立连接 / no connection within {seconds}")
    near = _nearest(run, line)
    if near:
        return Judged(Verdict.FAIL, f"{reason}；最接近的一条不符 / the nearest that came does not fit", near)
    return Judged(Verdict.FAIL, reason, [Difference("/", line.what, f"期间收到 / came meanwhile: {came}")])


def unreached(wire: Wire) -> Judged:
    """A connection that did not come about: nothing is known of the system under test."""
    return Judged(Verdict.INCONCLUSIVE, about("无法连接被测方", "the system under test cannot be reached", wire.why))


def _asked(run: CaseState, line: Line) -> Asked:
    """What the line wants the answer of. Raises Judged: it was never sent, as the line before it could not be played."""
    asked = run.asked.get(line.args["of"])
    if asked is None:
        label = line.args["of"]
        raise Judged(Verdict.INCONCLUSIVE, f"{label} 未能发出 / {label} was not sent")
    return asked


def unplayable(run: CaseState, fault: Unsendable | Unresolved) -> Judged:
    """A line that cannot be played: it does not fit layout or envelope, the system under test left out what it builds on,
    or the case itself is wrong."""
    if isinstance(fault, Unfit):
        reason = f"问卷的布局或封装放不下这一行：{fault} / no room for this line in the layout or envelope: {fault}"
        return Judged(Verdict.NOT_APPLICABLE, reason)
    label, _, path = fault.name.partition(".") if isinstance(fault, Unresolved) else ("", "", "")
    if label not in run.came:
        return Judged(Verdict.ERROR, str(fault))
    missing = Difference(f"/{path.replace('.', '/')}", SOME, NOTHING)
    reason = f"{label} 缺少后续步骤所需的 {path} / {label} came without {path}, which what follows needs"
    return Judged(Verdict.FAIL, reason, [missing])


def _answer(run: CaseState, line: Line) -> bool:
    asked = _asked(run, line)
    if not asked.answers:
        return _none_yet(run, line, asked)
    got = asked.answers.pop(0)
    _let_in(run, line, asked, got)
    packet = got.reading.packet
    kind = packet.kind.value if packet.kind is not None else ""
    found: list[Difference] = []
    if got.reading.symbol:
        raise Judged(Verdict.FAIL, _unreadable(got), _faults(got), general=True)
    wanted: tuple[str, ...] = _ANSWERS[line.what]
    if line.what == "receipt" and asked.written.document.get("header", {}).get("mode") == "B":
        wanted = _REFUSALS if got.reading.element == RECEIPT else wanted
    if kind not in wanted:
        found.append(Difference("packet/kind", line.what, f"{kind} {_said(got)}".strip()))
    code = line.args.get("code")
    if code is not None and not found:
        found += differences(code if "|" not in code else f"={code}", got.reading.body.get("code", ""), "/code")
        found += _result_agrees(run, got)
    elif line.what == "answer" and not found:
        found += _element(run.paper.answer_of(asked.written.packet.code), got)
    found += _details(run, line, got) if not found else []
    found += _status_agrees(run, line, got) if not found else []
    if found:
        said = _said(got)
        reason = f"{asked.line.what} 的应答不符：{said} / the answer to {asked.line.what} is wrong: {said}"
        raise Judged(Verdict.FAIL, reason, found)
    _kept(run, line, got)
    return True


def _let_in(run: CaseState, line: Line, asked: Asked, got: Got) -> None:
    """Raises Judged where the account of a party is not taken over HTTP, and the case is about something else."""
    account = run.paper.pics.accounts.get(asked.line.party)
    if run.paper.web is None or account is None or "account" in asked.line.args.get("web", {}):
        return
    code, refused = str(got.reading.body.get("code", "")), REFUSED["code"]
    if code != refused and (got.reading.body or facts_of(got.reading.packet).get("status") != "401"):
        return
    if refused not in str(line.args.get("code", "")):
        party, user, how = asked.line.party, account.user, account.how
        zh, en = f"被测方不认 {party} 以 {user} 的 {how} 凭证", f"it does not take the {how} credentials of {party} as {user}"
        raise Judged(Verdict.INCONCLUSIVE, f"{zh}：{refused} / {en}: {refused}")


def _response(run: CaseState, line: Line) -> bool:
    """Whatever came back over HTTP, document or not."""
    asked = _asked(run, line)
    if not asked.answers:
        return _none_yet(run, line, asked)
    facts = facts_of(asked.answers.pop(0).reading.packet)
    found = differences(pattern(line.args.get("web", {}), run.scope(asked.at)), facts, "web")
    if found:
        what = asked.line.what
        raise Judged(Verdict.FAIL, f"{what} 的 HTTP 应答不符 / the HTTP response to {what} is wrong", found)
    return True


def _none_yet(run: CaseState, line: Line, asked: Asked) -> bool:
    """False. Raises Judged where no answer can come any more."""
    wire = run.wires[asked.wire]
    if wire.state == "failed":
        raise unreached(wire)
    if wire.state == "ended" and not wire.ours:
        reason = about("未应答即关闭连接", "it closed the connection without an answer", wire.why)
        raise Judged(Verdict.FAIL, reason, [Difference("/", line.what, "连接关闭 / connection closed")])
    return False


def _refusal(run: CaseState, line: Line) -> bool:
    """A command is refused in its receipt, or, where that took it, in its result (01.1.4): both are the refusal it is owed.
    A question that is asked item by item may be refused so in its answer."""
    asked = _asked(run, line)
    code = str(line.args["code"])
    if asked.answers and not asked.accepted:
        got = asked.answers[0]
        row_codes = dict.fromkeys(_codes(got.reading.body))
        said = str(got.reading.body.get("code", "")) if got.reading.element == RECEIPT else " ".join(row_codes)
        asked.accepted = said in _TAKEN
        if not asked.accepted:
            asked.answers.pop(0)
            found = differences(f"={code}", said, "/code") or [*_result_agrees(run, got), *_details(run, line, got)]
            found = found or _status_agrees(run, line, got)
            if found:
                what = asked.line.what
                reason = about(f"{what} 的拒绝不符", f"{what} is refused otherwise", meaning(said) if said else "-")
                raise Judged(Verdict.FAIL, reason, found)
            return True
    serial = asked.written.packet.serial
    for got in run.inbox if asked.accepted else ():
        if got.taken or got.reading.document.get("header", {}).get("ref_serial") != serial:
            continue
        got.taken = True
        codes = _codes(got.reading.body)
        if not set(codes) & set(code.split("|")):
            shown = ", ".join(codes) or got.reading.element
            reason = f"{asked.line.what} 应被拒绝 / {asked.line.what} must be refused"
            raise Judged(Verdict.FAIL, reason, [Difference("result/code", code, shown)])
        return True
    return False


def _codes(body: Any) -> list[str]:
    """Every result code a message names: at its top, for items or instances; its reason's where there is no other (SD04 has
    no other place)."""
    said = [body, *body.get("items", ()), *body.get("instances", ())]
    return _named(said) or _named([body.get("reason")])


def _named(rows: list[Any]) -> list[str]:
    held = [row for row in rows if isinstance(row, dict) and row.get("outcome") not in _DONE]
    return [str(row["code"]) for row in held if isinstance(row.get("code"), str)]


def _result_agrees(run: CaseState, got: Got) -> list[Difference]:
    """The result stands in the packet header and in the document; both must say the same (01.2 rule 1). Other envelopes
    have coarser results of their own."""
    body, packet = got.reading.body, got.reading.packet
    if not run.paper.speech.native:
        return []
    if packet.result != body.get("code", packet.result):
        return [Difference("packet/result", str(body["code"]), packet.result)]
    return []


def _status_agrees(run: CaseState, line: Line, got: Got) -> list[Difference]:
    """Over HTTP the result stands in status and Fault, too; a line that names them judges them itself."""
    web = run.paper.web
    if web is None or {"status", "fault"} & set(line.args.get("web", {})):
        return []
    return web.disagreements(got.reading.packet, str(got.reading.body.get("code", "0000")))


def _message(run: CaseState, line: Line, now: int) -> bool:
    scope = run.scope(now)
    where = pattern(line.args.get("where", {}), scope)
    for got in run.inbox:
        if got.taken or got.party != line.party or got.reading.packet.code != line.what:
            continue
        if got.reading.symbol:
            got.taken = True
            raise Judged(Verdict.FAIL, _unreadable(got), _faults(got), general=True)
        if differences(where, got.reading.body):
            continue
        got.taken = True
        found = _element(run.paper.request_of(line.what), got)
        found += [*_details(run, line, got), *_order(run, line, got)]
        if found:
            raise Judged(Verdict.FAIL, f"{line.what} 内容不符 / {line.what} is not as it must be", found)
        _kept(run, line, got)
        if "reply" in line.args or line.args.get("answer", "none") != "none":
            run.answer(got, line, now)
        return True
    return False


def _details(run: CaseState, line: Line, got: Got) -> list[Difference]:
    """Whose it is, and body, document header, packet header and the very bytes, as far as the line names them."""
    scope = run.scope(got.at)
    args: dict[str, Any] = {name: pattern(line.args.get(name, {}), scope) for name in ("body", "header", "packet")}
    found = _sender(run, got)
    found += differences(args["body"], got.reading.body)
    found += differences(args["header"], got.reading.document.get("header", {}), "header")
    found += differences(args["packet"], header_fields(got.reading.packet), "packet")
    found += differences(pattern(line.args.get("web", {}), scope), facts_of(got.reading.packet), "web")
    same = line.args.get("same")
    if same is not None and not found:
        found += _same_bytes(*map(run.paper.compared, (run.came[same].raw, got.raw)))
    return found


def _element(name: str | None, got: Got) -> list[Difference]:
    """A document of that code which says something else, such as a receipt, is not what was waited for."""
    return [] if name in (None, got.reading.element) else [Difference("element", str(name), got.reading.element)]


def _sender(run: CaseState, got: Got) -> list[Difference]:
    """It must come from the system under test: one that sends back what it gets has answered nothing."""
    mine, said = run.paper.pics.systems[run.paper.sut], got.reading.packet.sender
    return [] if said in ("", mine) else [Difference("packet/sender", mine, said)]


def _same_bytes(first: bytes, again: bytes) -> list[Difference]:
    if first == again:
        return []
    pairs = enumerate(zip(first, again, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), min(len(first), len(again)))
    return [Difference(f"byte {at}", first[at : at + 16].hex(" "), again[at : at + 16].hex(" "))]


def _order(run: CaseState, line: Line, got: Got) -> list[Difference]:
    """What must have come before this message, and what must not."""
    earlier = [other.reading.packet.code for other in run.inbox[: got.index]]
    early = [code for code in line.args.get("before", ()) if code in earlier]
    late = [code for code in line.args.get("after", ()) if code not in earlier]
    what = line.what
    found = [Difference("order", f"{what} 先于 {code} / {what} before {code}", f"{code} 先到 / {code} first") for code in early]
    return found + [
        Difference("order", f"{what} 后于 {code} / {what} behind {code}", f"{code} 未到 / no {code} yet") for code in late
    ]


def _connection(run: CaseState, line: Line, now: int, begun: int) -> bool:
    wire = run.wires.get(line.on or line.party)
    if wire is None:
        raise Judged(Verdict.ERROR, f"{line.place}: 没有这个连接 / there is no such connection")
    if wire.state == "failed":
        raise unreached(wire)
    if line.what == "closed":
        return wire.state == "ended"
    if wire.state != "open":
        reason = about("连接不应关闭", "the connection must stay open", wire.why)
        raise Judged(Verdict.FAIL, reason, [Difference("connection", "保持 / open", about("已关闭", "closed", wire.why))])
    return now >= begun + run.paper.pics.time(line.within or "settle")


def _nearest(run: CaseState, line: Line) -> list[Difference]:
    """Differences to the message that came closest to what was waited for."""
    where = pattern(line.args.get("where", {}), run.scope(run.log[-1].at if run.log else 0))
    rivals = [got for got in run.inbox if not got.taken and got.reading.packet.code == line.what]
    found = [differences(where, got.reading.body) for got in rivals]
    if rivals and not any(found):
        return [Difference("party", line.party, rivals[0].party)]
    return min(found, key=len, default=[])


def _kept(run: CaseState, line: Line, got: Got) -> None:
    if line.label:
        run.keep(line.label, got)


def _said(got: Got) -> str:
    code = got.reading.body.get("code")
    return meaning(str(code)) if code is not None else got.reading.element


def _unreadable(got: Got) -> str:
    code, symbol, faults = got.reading.packet.code, got.reading.symbol, got.reading.faults
    zh, en = (f"：{faults[0].zh}", f": {faults[0].en}") if faults else ("", "")
    return f"{code} 的文档不合规（{symbol}）{zh} / the document of {code} is not valid ({symbol}){en}"


def _faults(got: Got) -> list[Difference]:
    wanted = {"missing": SOME, "unexpected": NONE}
    return [Difference(one.path, wanted.get(one.rule, one.text), one.found or NOTHING) for one in got.reading.faults]
