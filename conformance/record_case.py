"""A recording as a file, and as what can be played again: a case, or a script for the simulators (spec 07.9)."""

from __future__ import annotations

import json
import re
from typing import Any

from adapters.wire.times import from_wire_time
from conformance.door import LOGIN
from conformance.model import Entry
from conformance.record import Finding, Recording
from conformance.results import ResultsInvalid
from schemas.loader import RECEIPT, Catalogue
from schemas.model import MessageRow

FORMAT = 1
_TIME = re.compile(r"[0-9]{14}")
_ID = re.compile(r"[A-Za-z0-9_-]{4,}")
_PREFIXES = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class NoCase(ValueError):
    """Nothing in the recording makes a case; both languages."""


def as_json(recording: Recording) -> dict[str, Any]:
    """A recording as plain values; bytes as hex."""
    names = ("layout", "listen", "target", "started_at", "ended_at", "connections", "octets", "seen", "faulty", "answer_ms",
             "envelope", "codes", "binding")  # fmt: skip
    entries = [{name: getattr(entry, name) for name in Entry.__slots__ if name != "raw"} for entry in recording.entries]
    for entry, plain in zip(recording.entries, entries, strict=True):
        plain["raw"] = entry.raw.hex()
    return {
        "recording": FORMAT,
        **{name: getattr(recording, name) for name in names},
        "score": recording.score,
        "entries": entries,
        "findings": [{name: getattr(one, name) for name in Finding.__slots__} for one in recording.findings],
    }


def from_json(text: str) -> Recording:
    """The recording in a file. Raises ResultsInvalid."""
    try:
        data = json.loads(text)
        if data.pop("recording") != FORMAT:
            raise ValueError("format")
        del data["score"]
        entries = [Entry(**{**one, "raw": bytes.fromhex(one["raw"])}) for one in data.pop("entries")]
        findings = [Finding(**one) for one in data.pop("findings")]
        return Recording(**data, entries=entries, findings=findings)
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise ResultsInvalid(f"不是一份录制：{fault} / no recording: {fault}") from fault


class Roles:
    """Which role a system plays: by its id in the questionnaire, else by the routes of what it says."""

    def __init__(self, systems: dict[str, str]) -> None:
        self._by_id = {system.strip(): role for role, system in systems.items()}

    def of(self, entry: Entry, row: MessageRow) -> tuple[str, str]:
        """Sender's and receiver's role of a message."""
        header = entry.document["header"]
        named = [self._by_id.get(str(header[side]).strip(), "") for side in ("sender", "receiver")]
        for route in row.routes:
            if named[0] in ("", route.sender) and named[1] in ("", route.receiver):
                return named[0] or route.sender, named[1] or route.receiver
        return named[0], named[1]


def case_of(recording: Recording, catalogue: Catalogue, systems: dict[str, str], sut: str) -> str:
    """The conversation with the role ``sut`` as a case file: what others said is sent, what it said is expected.

    Ids become ids of the case, so that it can be played as often as one likes; times become times from now on; logins, which
    count once, are left to the accounts of the questionnaire.  Raises NoCase where nobody spoke with that role.
    """
    roles = Roles(systems)
    said_in = [(entry, catalogue.message(entry.document["code"])) for entry in recording.entries if entry.document]
    talk = [(entry, row) for entry, row in said_in if LOGIN not in (row.code, *row.after)]
    spoken = [(entry, row, *roles.of(entry, row)) for entry, row in talk if entry.document["element"] == row.name]
    mine = [one for one in spoken if sut in one[2:]]
    if not any(receiver == sut for *_, receiver in mine):
        raise NoCase(f"录制中没有发给 {sut} 的报文 / nothing in the recording was sent to {sut}")
    writer = _Writer(sut, {entry.document["header"]["ref_serial"]: entry for entry, row in talk if _answers(entry, row)})
    said: dict[str, None] = {}
    for entry, row, sender, receiver in mine:
        serial = entry.document["header"]["serial"]
        if serial in said:
            continue
        said[serial] = None
        writer.send(entry, row, sender) if receiver == sut else writer.expect(entry, row, receiver)
    return writer.text(recording)


def _answers(entry: Entry, row: MessageRow) -> bool:
    return entry.document["element"] in (RECEIPT, row.answer) and "ref_serial" in entry.document["header"]


class _Writer:
    """Lines of a case, with one name for each id and each message. ``answers`` are by the serial they answer."""

    def __init__(self, sut: str, answers: dict[str, Entry]) -> None:
        self._sut = sut
        self._answers = answers
        self._lines: list[str] = []
        self._labels: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._taken: dict[str, None] = {}

    def send(self, entry: Entry, row: MessageRow, sender: str) -> None:
        """What the suite says, and the answer it got."""
        label = self._label(entry)
        line: dict[str, Any] = {"send": row.code, "by": sender, "as": label}
        ref = self._labels.get(str(entry.document["header"].get("ref_serial", "")))
        line |= {"ref": ref} if ref else {}
        line["body"] = self._values(entry.document["body"], entry.at, exact=True)
        answer = self._answers.get(entry.document["header"]["serial"])
        if answer is not None and answer.document["element"] == RECEIPT:
            line["receipt"] = str(answer.document["body"]["code"])
        elif answer is not None:
            line["reply"] = {}
        self._lines.append(_inline(line))

    def expect(self, entry: Entry, row: MessageRow, receiver: str) -> None:
        """What the system under test said; the suite answers it as it was answered then, if that was a refusal."""
        ref = self._labels.get(str(entry.document["header"].get("ref_serial", "")))
        line: dict[str, Any] = {"expect": row.code, "to": receiver, "as": self._label(entry)}
        line |= {"header": {"ref_serial": f"${{{ref}.header.serial}}"}} if ref else {}
        line["body"] = self._values(entry.document["body"], entry.at, exact=False)
        self._lines.append(_inline(line))

    def text(self, recording: Recording) -> str:
        """The file."""
        clause = "07.9"
        zh = f"与 {recording.target} 的一次实际往来，由录制生成。"
        en = f"A conversation with {recording.target} as it was recorded."
        head = [f"clause = {_inline(clause)}", 'suite = "provisioning"', f"suts = [{_inline(self._sut)}]", "", "[[case]]"]
        facts = {"id": f"{clause}/{recording.started_at}", "zh": zh, "en": en, "level": "MUST"}
        rows = [f"{name} = {_inline(value)}" for name, value in facts.items()]
        return "\n".join([*head, *rows, "lines = [", *(f"  {line}," for line in self._lines), "]"]) + "\n"

    def _label(self, entry: Entry) -> str:
        label = f"m{len(self._labels) + 1}"
        self._labels[entry.document["header"]["serial"]] = label
        return label

    def _values(self, value: Any, at: int, exact: bool, name: str = "") -> Any:
        """A body with ids named and times moved; of what is expected only ids, codes and numbers are insisted on."""
        if isinstance(value, dict):
            inner = {key: self._values(one, at, exact, key) for key, one in value.items()}
            return {key: one for key, one in inner.items() if one is not None}
        if isinstance(value, list):
            return [self._values(one, at, exact, name) for one in value]
        if not isinstance(value, str):
            return value
        if name.endswith("_id") and _ID.fullmatch(value):
            return self._id(name, value, exact)
        if value in self._ids:
            return self._ids[value]
        if _TIME.fullmatch(value):
            return _moved(value, at) if exact else "~[0-9]{14}"
        if exact or name.endswith(("_code", "_type")) or name in ("code", "outcome", "action", "product", "step"):
            return value
        return "*"

    def _id(self, name: str, value: str, exact: bool) -> str | None:
        """An id under the name it has in the case; one only the system under test knows is only asked to be there."""
        if value not in self._ids:
            if not exact:
                return "*"
            self._ids[value] = f"${{{self._free(name)}}}"
        return self._ids[value]

    def _free(self, name: str) -> str:
        initials = "".join(part[0] for part in name.split("_"))[:2].upper().ljust(2, "X")
        for letter in ("", *_PREFIXES):
            for digit in range(1, 10):
                found = f"{initials}{letter}{digit}"
                if found not in self._taken:
                    self._taken[found] = None
                    return found
        raise NoCase("录制中的标识太多，请录制较短的往来 / too many ids for one case; record a shorter conversation")


def script_of(recording: Recording, catalogue: Catalogue, systems: dict[str, str]) -> str:
    """What the simulated RM is told to do to be as slow as the recorded one: its delays by product and area.

    Raises NoCase where no request got its result.
    """
    roles = Roles(systems)
    asked: dict[str, Entry] = {}
    rows: dict[tuple[str, str], int] = {}
    for entry in recording.entries:
        if not entry.document:
            continue
        row, header, body = catalogue.message(entry.document["code"]), entry.document["header"], entry.document["body"]
        if entry.document["element"] != row.name:
            continue
        sender, receiver = roles.of(entry, row)
        if receiver == "RM":
            asked[header["serial"]] = entry
        first = asked.get(header.get("ref_serial", ""))
        if sender != "RM" or first is None:
            continue
        for item in first.document["body"].get("items") or body.get("items", ()):
            key = (str(item.get("product", "*")), str(header["area"]) or "*")
            rows[key] = max(rows.get(key, 0), entry.at - first.at)
    if not rows:
        raise NoCase("录制中没有资源系统的结果 / no result of resource management in the recording")
    head = "# 由录制生成：资源系统的处理时间。Made of a recording: how long resource management took.\n"
    parts = [f"[[manual]]\nproduct = {_inline(p)}\narea = {_inline(a)}\ndelay_ms = {ms}\n" for (p, a), ms in rows.items()]
    return "\n".join([head, *parts])


def _moved(text: str, at: int) -> str:
    """A recorded time as one from now on."""
    try:
        minutes = round((from_wire_time(text) - at) / 60_000)
    except ValueError:
        return text
    return f"${{now{'+' if minutes >= 0 else '-'}{abs(minutes)}m}}"


def _inline(value: Any) -> str:
    """A value as TOML writes it in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_inline(inner)}" for name, inner in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(inner) for inner in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
