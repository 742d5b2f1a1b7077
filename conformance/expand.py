"""What every message is asked, written once: templates over scenes (spec 07.6).

A *scene* says for one message how its situation is brought about, what is sent and what follows.  A *template* is a case with
holes: ``{ scene = "send", as = "m" }`` stands for the scene's message, ``{ scene = "results" }`` for what follows it.  Each
template makes a case of every scene it is for; ``each = "refuse"`` one for every refusal the scene knows how to provoke,
``"late"`` and ``"early"`` one for every way to come behind the end of what it belongs to, or in front of what it builds on.
Scenes of one message for different roles have a ``name`` each, which stands in the ids of their cases.

A scene with ``to`` in place of ``by`` is of a message the system under test sends: ``provoke`` makes it, ``where`` finds it,
``again`` its repeats where that takes more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from conformance.lines import LineFault, read_lines
from conformance.model import Case, Line, Place
from conformance.shapes import SCENE, SENT, VARIANT, misshapen
from conformance.sources import Blocks, Fault, Source, read_all
from schemas.loader import UnknownName, load
from schemas.model import MessageRow

WHEN = ("late", "early")
"""When a message may come amiss: behind the end of what it belongs to, in front of what it builds on."""


@dataclass(frozen=True, slots=True)
class Template:
    """A case with holes. ``patterns``: for which patterns of messages; ``each``: for which list of the scene; ``sent``: for
    messages the system under test sends."""

    name: str
    patterns: tuple[str, ...]
    level: str
    zh: str
    en: str
    each: str
    covers: tuple[str, ...]
    lines: tuple[dict[str, Any], ...]
    place: Place
    cause: str
    repair: str
    pics: tuple[str, ...]
    sent: bool


def read_templates(source: Source, blocks: Blocks, faults: list[Fault]) -> list[Template]:
    """Every template of the file."""
    found = []
    for n, row in enumerate(source.data.get("template", [])):
        place = source.place("template", n)
        missing = [name for name in ("name", "patterns", "level", "zh", "en", "lines") if name not in row]
        if missing:
            faults.append(Fault(place, f"模板缺少 {missing}", f"the template lacks {missing}"))
            continue
        found.append(
            Template(
                row["name"],
                tuple(row["patterns"]),
                row["level"],
                row["zh"],
                row["en"],
                row.get("each", ""),
                tuple(row.get("covers", ())),
                tuple(row["lines"]),
                place,
                row.get("cause", ""),
                row.get("repair", ""),
                tuple(row.get("pics", ())),
                bool(row.get("sent", False)),
            )
        )
    return found


def expand(
    source: Source, n: int, scene: dict[str, Any], blocks: Blocks, templates: list[Template], faults: list[Fault]
) -> list[Case]:
    """The cases a scene gives."""
    place = source.place("scene", n)
    sent = "to" in scene
    shape, needed = (SENT, ("message", "provoke")) if sent else (SCENE, ("message", "by", "send"))
    faults += misshapen(source, scene, shape, needed, ("场景", "the scene"), "scene", n)
    if faults:
        return []
    try:
        row = load().message(scene["message"])
    except UnknownName:
        faults.append(Fault(place, f"没有报文 {scene['message']}", f"there is no message {scene['message']}"))
        return []
    cases: list[Case] = []
    for template in templates:
        if template.sent is not sent or row.pattern not in template.patterns or template.name in scene.get("skip", ()):
            continue
        variants = scene.get(template.each, []) if template.each else [{}]
        for variant in variants:
            cases += _one(source, n, scene, row, template, variant, blocks, faults)
    return cases


def _one(
    source: Source, n: int, scene: dict[str, Any], row: MessageRow, template: Template, variant: dict[str, Any],
    blocks: Blocks, faults: list[Fault],
) -> list[Case]:  # fmt: skip
    place = source.place("scene", n)
    said = _wrong(source, variant, place) if variant else []
    faults += said
    if said:
        return []
    texts = _texts(row, variant)
    ending = f".{variant.get('name') or variant.get('code')}" if variant else ""
    about = f"{row.code}.{scene['name']}" if "name" in scene else row.code
    before = read_all(source, scene.get("preamble", []), blocks, faults, "scene", n, "preamble")
    if "preamble" in variant:
        before = read_all(source, variant["preamble"], blocks, faults, "scene", n, template.each)
    after = variant.get("postamble", scene.get("postamble", []))
    made = Case(
        id=f"{source.data['clause']}/{about}.{template.name}{ending}",
        clause=source.data["clause"],
        suite=source.data["suite"],
        suts=tuple(scene.get("suts", source.data["suts"])),
        level=variant.get("level", template.level),
        zh=template.zh.format(**texts),
        en=template.en.format(**texts),
        place=place,
        covers=(*_covered(row, template, variant, texts), *scene.get("covers", ())),
        pics=(row.code, *template.pics, *scene.get("pics", ()), *variant.get("pics", ())),
        preamble=before,
        lines=_lines(source, n, scene, template, variant, blocks, faults),
        postamble=read_all(source, after, blocks, faults, "scene", n, "postamble"),
        vars=scene.get("vars", {}),
        manners=variant.get("manners", scene.get("manners", {})),
        cause=variant.get("cause", template.cause),
        repair=variant.get("repair", template.repair),
    )
    return [made]


def _wrong(source: Source, variant: dict[str, Any], place: Place) -> list[Fault]:
    """What is wrong with a situation of a scene."""
    called = ("情形", "a situation")
    faults = [replace(fault, place=place) for fault in misshapen(source, variant, VARIANT, (), called)]
    if not {"code", "name"} & set(variant):
        faults.append(Fault(place, "情形须有 code 或 name", "a situation has code or name"))
    if variant.get("when", WHEN[0]) not in WHEN:
        faults.append(Fault(place, f"when 须为 {' 或 '.join(WHEN)}", f"when is {' or '.join(WHEN)}"))
    codes = str(variant.get("code", "")).split("|")
    missing = [code for code in codes if code and not _is_result(code)]
    return faults + [Fault(place, f"没有结果代码 {code}", f"there is no result code {code}") for code in missing]


def _is_result(code: str) -> bool:
    try:
        load().result(code)
    except UnknownName:
        return False
    return True


def _covered(row: MessageRow, template: Template, variant: dict[str, Any], texts: dict[str, str]) -> list[str]:
    """What the template checks; a refusal may be of a message that came late, or early, too."""
    names = [name.format(**texts) for name in template.covers]
    return [*names, f"{row.code}.{variant['when']}"] if "when" in variant else names


def _texts(row: MessageRow, variant: dict[str, Any]) -> dict[str, str]:
    """What the sentences of a template may name."""
    texts = {"code": row.code, "name": row.name, "zh": row.zh, "refusal": "", "why": "", "why_en": ""}
    if variant and "code" not in variant:
        texts |= {"why": variant.get("zh", ""), "why_en": variant.get("en", "")}
    elif variant:
        result = load().result(variant["code"].partition("|")[0])
        texts |= {"refusal": result.code, "why": variant.get("zh", result.zh), "why_en": variant.get("en", result.en)}
    return texts


def _lines(
    source: Source, n: int, scene: dict[str, Any], template: Template, variant: dict[str, Any], blocks: Blocks,
    faults: list[Fault],
) -> tuple[Line, ...]:  # fmt: skip
    """The template's lines with the scene put in."""
    lines: list[Line] = []
    place = source.place("scene", n)
    for entry in template.lines:
        if entry.get("scene") in ("results", "provoke"):
            lines += read_all(source, scene.get(entry["scene"], []), blocks, faults, "scene", n, entry["scene"])
            continue
        if entry.get("scene") == "then":
            follows = variant.get("then", scene.get("then", []))
            lines += read_all(source, follows, blocks, faults, "scene", n, template.each or "then")
            continue
        table = _table(entry, scene, variant)
        try:
            lines += [replace(line, place=place) for line in read_lines(table, template.place)]
        except LineFault as fault:
            faults += [Fault(template.place, zh, en) for zh, en in fault.found]
    return tuple(lines)


def _table(entry: dict[str, Any], scene: dict[str, Any], variant: dict[str, Any]) -> dict[str, Any]:
    """One line of a template for this scene, as the inline table it would be."""
    party = scene.get("by", scene.get("to"))
    table = {name: _filled(value, variant, scene) for name, value in entry.items()}
    stands_for = table.pop("scene", "")
    if stands_for == "send":
        table = _merged({"send": scene["message"], "by": party}, scene["send"], variant.get("send", {}), table)
    elif stands_for == "outcome":
        table = _outcome(scene["message"], variant) | {"to": variant.get("send", {}).get("by", party), "of": "m"}
    elif stands_for == "sent":
        told: dict[str, Any] = {name: scene[name] for name in ("where", "within") if name in scene}
        table = {"expect": scene["message"], "to": party, **told, **table}
    return {name: party if value in ("@by", "@to") else value for name, value in table.items()}


def _outcome(message: str, variant: dict[str, Any]) -> dict[str, Any]:
    """How a message that came amiss is answered: refused, or taken (``receipt``, ``reply`` where it says more)."""
    if "code" in variant:
        return {"expect": "refusal", "code": variant["code"]}
    if "receipt" not in variant and load().message(message).pattern == "Q":
        return {"expect": "answer", "body": variant.get("reply", {})}
    return {"expect": "receipt", "code": variant.get("receipt", "0000|0001|0002")}


def _filled(value: Any, variant: dict[str, Any], scene: dict[str, Any]) -> Any:
    """``@code`` and ``@state`` stand for the refusal's, ``@settle`` for the message the scene sets off, ``@settle_to`` for
    whom it goes to, ``@message`` for the scene's own, ``@again`` for what finds its repeats, ``@answer`` for what it is
    answered."""
    told = {"@settle": scene.get("settle", "*"), "@settle_to": scene.get("settle_to", scene.get("by"))}
    told |= {"@code": variant.get("code"), "@message": scene["message"]}
    told |= {"@answer": scene.get("answer", {}), "@again": scene.get("again", scene.get("where", {}))}
    if isinstance(value, str) and value in told:
        return told[value]
    if isinstance(value, dict):
        filled = {name: _filled(inner, variant, scene) for name, inner in value.items()}
        return {name: inner for name, inner in filled.items() if inner is not None}
    if value == "@state":
        return variant.get("state")
    return value


def _merged(*tables: dict[str, Any]) -> dict[str, Any]:
    """Tables over each other; ``set`` and ``packet`` are merged key by key."""
    merged: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            both = name in ("set", "packet", "header") and isinstance(merged.get(name), dict)
            merged[name] = {**merged[name], **value} if both else value
    return merged
