"""A filled questionnaire out of its file: every fault at once, with file, line, what is allowed and an example (spec 07.3)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from conformance.accounts import TEMPLATE, Account, AccountWrong, account
from conformance.pics import CHOICES, LISTEN, PLAIN, SOAP, SYSTEMS, TABLES, TLS, Pics, PicsFault, PicsInvalid, shown
from conformance.values import span_ms
from schemas.loader import NATIVE, load
from schemas.toml_lines import key_lines, line_of

_ADDRESS = re.compile(r"(?:tcp|tls|http|https)://(?:\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):[0-9]{1,5}(?:/\S*)?|(?:unix|mem)://\S+")
_SYSTEM = re.compile(r"[A-Z0-9]{1,6}")
_TEXTS = ("listen", "prompts", "codes")
"""Tables of texts whose keys are roles or messages."""
_EXAMPLES = {"prompts": 'RC02 = "ssh crm ask-survey"', "codes": 'OH01 = "BUS14001/SVC11001"'}
_ACCOUNT = TEMPLATE[-1].removeprefix("# ")
_KINDS = {bool: ("true 或 false", "true or false"), int: ("整数", "a whole number"), str: ("带引号的文字", "a text in quotes")}
_SPAN = ("时长：数字加 ms、s、m、h 或 d，带引号", "a duration: a number and ms, s, m, h or d, in quotes")
Place = Callable[..., str]


def read_pics(path: Path | None) -> Pics:
    """The questionnaire in a file; None: everything by default. Raises PicsInvalid with every fault, OSError."""
    if path is None:
        return Pics()
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except UnicodeDecodeError as fault:
        raise PicsInvalid(PicsFault(str(path), "不是 UTF-8 文本", f"no UTF-8 text: {fault}")) from fault
    except tomllib.TOMLDecodeError as fault:
        raise PicsInvalid(_no_toml(path, text, fault)) from fault
    lines = key_lines(text)

    def at(*keys: str) -> str:
        return f"{path}:{line_of(lines, keys)}"

    faults = _faults(data, at)
    accounts = _accounts(_rows(data, "accounts"), path.parent, at, faults)
    if faults:
        raise PicsInvalid(*sorted(faults, key=lambda fault: int(fault.where.rpartition(":")[2])))
    chosen: dict[str, Any] = {name: data[name] for name in PLAIN if name in data}
    for name, rows in TABLES.items():
        chosen[name] = {key: row.default for key, row in rows.items()} | data.get(name, {})
    chosen["timers"] = {key: span_ms(value) for key, value in chosen["timers"].items()}
    for name in TLS:
        if name.endswith("_file") and chosen["tls"][name]:
            chosen["tls"][name] = str(path.parent / chosen["tls"][name])
    chosen |= {name: data.get(name, {}) for name in _TEXTS}
    chosen["listen"] = {**LISTEN, **chosen["listen"]}
    return Pics(**chosen, messages=tuple(data.get("messages", ())), accounts=accounts)


def _no_toml(path: Path, text: str, fault: tomllib.TOMLDecodeError) -> PicsFault:
    found = re.search(r"at line (\d+)", str(fault))
    line = int(found[1]) if found else len(text.splitlines()) or 1
    return PicsFault(f"{path}:{line}", f"不是 TOML：{fault}", f"no TOML: {fault}", 'layout = "ctif-128"')


def _faults(data: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """Everything that is wrong, but accounts."""
    known = (*PLAIN, "messages", *TABLES, *_TEXTS, "accounts")
    faults = [_unknown(at(name), name, known) for name in data if name not in known]
    for name in (*TABLES, *_TEXTS, "accounts"):
        if not isinstance(data.get(name, {}), dict):
            faults.append(PicsFault(at(name), f"{name} 须是表", f"{name} is a table", f"[{name}]"))
    faults += _words(data, at)
    faults += _messages(data, at)
    for name, rows in TABLES.items():
        for key, value in _rows(data, name).items():
            faults += _entry(name, key, value, {one: row.default for one, row in rows.items()}, at)
    faults += _systems(_rows(data, "systems"), at)
    faults += _listening(_rows(data, "listen"), at)
    return faults


def _rows(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table as it stands in the file; none where it is missing or no table."""
    found = data.get(name, {})
    return found if isinstance(found, dict) else {}


def _unknown(where: str, name: str, known: Iterable[str], example: str = "") -> PicsFault:
    """A key there is not, with the one that was probably meant."""
    there = list(known)
    meant = next(iter(get_close_matches(name.rpartition(".")[2], there, 1)), "")
    listed = ", ".join(there)
    zh, en = (f"，是否指 {meant}？", f", did you mean {meant}?") if meant else (f"，可用：{listed}", f"; allowed: {listed}")
    return PicsFault(where, f"没有 {name}{zh}", f"there is no {name}{en}", example)


def _words(data: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """Layout, envelope and what else is one of a few words."""
    layouts, envelopes = (tuple(row.name for row in rows) for rows in (load().layouts(), load().envelopes()))
    faults = []
    for name, choices in {"layout": layouts, "envelope": envelopes, **CHOICES}.items():
        if name in data and data[name] not in choices:
            listed, given, usual = ", ".join(choices), _given(data[name]), shown(getattr(Pics(), name))
            zh, en = f"{name} 为 {given}，须为其一：{listed}", f"{name} is {given}, and must be one of {listed}"
            faults.append(PicsFault(at(name), zh, en, f"{name} = {usual}"))
    documents = data.get("binding") == SOAP and data.get("operation", "document") == "document"
    if documents and data.get("envelope", NATIVE) in envelopes and data.get("envelope", NATIVE) != NATIVE:
        zh, en = f"SOAP 的 document 操作只承载 {NATIVE} 封装", f"document operations of SOAP carry the envelope {NATIVE} only"
        faults.append(PicsFault(at("envelope"), zh, en, f'operation = "{CHOICES["operation"][1]}"'))
    return faults


def _messages(data: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """Codes of messages, wherever they are named."""
    codes = [row.code for row in load().messages()]
    faults = []
    listed = data.get("messages", [])
    if not isinstance(listed, list) or any(not isinstance(code, str) for code in listed):
        zh, en = "messages 须是报文编码的列表", "messages is a list of message codes"
        faults.append(PicsFault(at("messages"), zh, en, 'messages = ["OH01", "CN01"]'))
        listed = []
    faults += [_no_message(at("messages"), code, codes, 'messages = ["OH01", "CN01"]') for code in listed if code not in codes]
    for name, example in _EXAMPLES.items():
        for code, value in _rows(data, name).items():
            if code not in codes:
                faults.append(_no_message(at(name, code), code, codes, example))
            elif not isinstance(value, str) or not value.strip():
                zh, en = f"{name}.{code} 须是文字", f"{name}.{code} is a text"
                faults.append(PicsFault(at(name, code), zh, en, example))
    return faults


def _no_message(where: str, code: str, codes: Sequence[str], example: str) -> PicsFault:
    near = " ".join(get_close_matches(code, codes, 4))
    zh, en = (f"，相近的有 {near}", f"; near it: {near}") if near else ("", "")
    return PicsFault(where, f"没有报文 {code}{zh}", f"there is no message {code}{en}", example)


def _entry(name: str, key: str, value: Any, defaults: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """One row of a table: known, and of the type of its default."""
    if key not in defaults:
        return [_unknown(at(name, key), f"{name}.{key}", defaults)]
    example = f"{key} = {shown(defaults[key])}"
    if type(value) is not type(defaults[key]):
        zh, en = _SPAN if name == "timers" else _KINDS[type(defaults[key])]
        zh, en = f"{name}.{key} 为 {_given(value)}，须是{zh}", f"{name}.{key} is {_given(value)}, and must be {en}"
        return [PicsFault(at(name, key), zh, en, example)]
    if name == "timers" and span_ms(value) is None:
        zh, en = f"{name}.{key} 为 {_given(value)}，须是{_SPAN[0]}", f"{name}.{key} is {_given(value)}, and must be {_SPAN[1]}"
        return [PicsFault(at(name, key), zh, en, example)]
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        return [PicsFault(at(name, key), f"{name}.{key} 须大于 0", f"{name}.{key} is greater than 0", example)]
    return []


def _systems(given: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """System ids: up to six capitals and digits (01.1), each of one role."""
    faults = []
    ids = {**{role: row.default for role, row in SYSTEMS.items()}, **given}
    for role, name in given.items():
        if role not in SYSTEMS or not isinstance(name, str):
            continue
        example = f'{role} = "{SYSTEMS[role].default}"'
        twin = next((other for other in ids if other != role and ids[other] == name), None)
        if not _SYSTEM.fullmatch(name):
            zh = f"systems.{role} 的 {_given(name)} 须是 1 至 6 位大写字母或数字"
            en = f"systems.{role} is {_given(name)}, and must be 1 to 6 capitals or digits"
            faults.append(PicsFault(at("systems", role), zh, en, example))
        elif twin is not None:
            zh, en = f"systems.{role} 与 {twin} 同为 {name}", f"systems.{role} is {name}, and so is {twin}"
            faults.append(PicsFault(at("systems", role), zh, en, example))
    return faults


def _listening(given: Mapping[str, Any], at: Place) -> list[PicsFault]:
    """Where the suite listens: an address a role, no two the same."""
    faults = []
    places = {**LISTEN, **given}
    for role, place in given.items():
        if role not in LISTEN:
            faults.append(_unknown(at("listen", role), f"listen.{role}", LISTEN))
            continue
        example = f'{role} = "{LISTEN[role]}"'
        twin = next((other for other in places if other != role and places[other] == place), None)
        if not isinstance(place, str) or not _ADDRESS.fullmatch(place):
            said = _given(place)
            zh, en = f"listen.{role} 的 {said} 不是地址", f"listen.{role} is {said}, which is no address"
            faults.append(PicsFault(at("listen", role), zh, en, example))
        elif twin is not None and not place.endswith(":0"):
            zh, en = f"listen.{role} 与 {twin} 同为 {place}", f"listen.{role} is {place}, and so is {twin}"
            faults.append(PicsFault(at("listen", role), zh, en, example))
    return faults


def _accounts(given: Mapping[str, Any], base: Path, at: Place, faults: list[PicsFault]) -> dict[str, Account]:
    """The accounts by role."""
    found = {}
    for role, one in given.items():
        where = at("accounts", role)
        if role not in SYSTEMS:
            faults.append(_unknown(where, f"accounts.{role}", SYSTEMS, _ACCOUNT))
            continue
        try:
            found[role] = account(one, base, where)
        except AccountWrong as fault:
            faults.append(PicsFault(where, f"accounts.{role}：{fault.zh}", f"accounts.{role}: {fault.en}", _ACCOUNT))
    return found


def _given(value: Any) -> str:
    """A value as it was given, short enough for a line."""
    text = shown(value) if isinstance(value, str | bool | int) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
