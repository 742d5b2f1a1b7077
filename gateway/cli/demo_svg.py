"""A story drawn as SVG that needs nothing else: lifelines, arrows with what they say, times, notes; no script, no font file."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from gateway.cli.demo_drawing import ROLES, elapsed, outcome
from gateway.stories.arrows import Arrow, Moment, Note, participants, width

_LANE = 300
_LEFT = 150
_RIGHT = 160
_TOP = 118
_FONT = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC','WenQuanYi Micro Hei','DejaVu Sans',sans-serif"
_EM = 6.3
"""About how wide one column of text is at 11 px."""

_STYLE = f"""text{{font-family:{_FONT};fill:#1f2933}}
.title{{font-size:19px;font-weight:700}} .sub{{font-size:13px;fill:#52606d}}
.head{{font-size:13px;font-weight:700;fill:#ffffff}} .role{{font-size:11px;fill:#dbe7f3}}
.name{{font-size:12px;font-weight:600}} .detail{{font-size:11px;fill:#52606d}} .time{{font-size:10px;fill:#7b8794}}
.ok{{font-size:11px;fill:#1f7a4d;font-weight:600}} .bad{{font-size:11px;fill:#b42318;font-weight:600}}
.again{{font-size:11px;fill:#975a16;font-weight:600}}
.told{{font-size:12px;font-weight:600;fill:#5f4b00}} .state{{font-size:11px;font-weight:600;fill:#1d4f91}}"""

_BLUE, _GREY, _RED, _AMBER = "#2b6cb0", "#7b8794", "#b42318", "#b7791f"
_COLOURS = {"CH0001": "#7b5ea7", "CRM001": "#1d4f91", "PF0001": "#1f7a6d", "RM0001": "#9a5b13", "BIL001": "#a23b72"}


@dataclass(slots=True)
class _Sheet:
    """What is drawn so far; ``y`` is where the next thing goes."""

    names: list[str]
    begun: int
    y: int
    parts: list[str]
    shown: str = ""

    def x(self, name: str) -> int:
        """Where a lifeline stands."""
        return _LEFT + _LANE * self.names.index(name)

    @property
    def wide(self) -> int:
        """Pixels across."""
        return _LEFT + _LANE * (len(self.names) - 1) + _RIGHT


def draw_svg(title: str, subtitle: str, drawn: list[Moment], begun: int) -> str:
    """The drawing as one document; ``begun`` is the zero of time (ms)."""
    sheet = _Sheet(participants(drawn), begun, _TOP + 34, [])
    for moment in drawn:
        _time(sheet, moment)
        if isinstance(moment, Arrow):
            _arrow(sheet, moment)
        elif moment.kind == "told":
            _told(sheet, moment)
        else:
            _state(sheet, moment)
    return "\n".join([*_head(sheet, title, subtitle), *sheet.parts, "</svg>", ""])


def _head(sheet: _Sheet, title: str, subtitle: str) -> list[str]:
    high = sheet.y + 24
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.wide}" height="{high}" viewBox="0 0 {sheet.wide} {high}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect width="{sheet.wide}" height="{high}" fill="#ffffff"/>',
        _text(24, 32, "title", title, "start"),
        _text(24, 54, "sub", subtitle, "start"),
    ]
    for name in sheet.names:
        x, (zh, en) = sheet.x(name), ROLES[name]
        head += [
            f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{high - 12}" stroke="#cbd2d9" stroke-width="1.5"/>',
            f'<rect x="{x - 75}" y="{_TOP - 44}" width="150" height="44" rx="6" fill="{_COLOURS[name]}"/>',
            _text(x, _TOP - 25, "head", f"{zh} {en}"),
            _text(x, _TOP - 9, "role", name),
        ]
    return head


def _text(x: float, y: float, kind: str, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _time(sheet: _Sheet, moment: Moment) -> None:
    """The time at the left, where it is another than above."""
    text = elapsed(moment.at - sheet.begun)
    if text != sheet.shown:
        sheet.shown = text
        sheet.parts.append(_text(12, sheet.y + 4, "time", text, "start"))


def _arrow(sheet: _Sheet, arrow: Arrow) -> None:
    """A line with a head; above it what it is, below its key fields; both beside the sender."""
    start, end = sheet.x(arrow.sender), sheet.x(arrow.receiver)
    way = 1 if end > start else -1
    bad = arrow.refused or arrow.fate == "lost"
    colour = _RED if bad else _AMBER if arrow.fate == "again" else _GREY if arrow.answer else _BLUE
    middle = start + way * _LANE / 2
    name = f"{arrow.code} {arrow.zh} {arrow.name}" if not arrow.answer else f"{arrow.code} {arrow.zh} · 应答 answer"
    y = sheet.y + 12
    sheet.parts.append(_label(middle, y - 5, "name", name))
    sheet.parts.append(_line(start, end, way, y, colour, arrow))
    sheet.y = y + 14
    for row, kind in _rows(arrow.detail, outcome(arrow), "bad" if bad else arrow.fate):
        sheet.parts.append(_label(middle, sheet.y, kind, row))
        sheet.y += 14
    sheet.y += 10


def _rows(detail: str, told: str, loud: str) -> list[tuple[str, str]]:
    """Key fields and what became of it: one row where that is quiet and fits between two lifelines."""
    joined = " · ".join(part for part in (detail, told) if part)
    if not loud and width(joined) * _EM <= _LANE - 12:
        return [(joined, "detail")] if joined else []
    return [row for row in ((detail, "detail"), (told, loud or "ok")) if row[0]]


def _label(x: float, y: float, kind: str, text: str) -> str:
    return _back(x, y, width(text) * _EM * 1.1 + 6) + _text(x, y, kind, text)


def _back(x: float, y: float, wide: float) -> str:
    """White behind a text, for where lifelines pass."""
    wide = min(wide, _LANE - 12)
    return f'<rect x="{x - wide / 2:.1f}" y="{y - 11:g}" width="{wide:.1f}" height="14" fill="#ffffff" fill-opacity="0.85"/>'


def _line(start: int, end: int, way: int, y: int, colour: str, arrow: Arrow) -> str:
    dash = ' stroke-dasharray="6 4"' if arrow.answer else ""
    if arrow.fate == "lost":
        end = start + way * (_LANE - 36)
        cross = f"M{end - 6} {y - 6}L{end + 6} {y + 6}M{end - 6} {y + 6}L{end + 6} {y - 6}"
        head = f'<path d="{cross}" stroke="{colour}" stroke-width="2.2" fill="none"/>'
    else:
        head = f'<path d="M{end} {y}L{end - way * 10} {y - 5}L{end - way * 10} {y + 5}Z" fill="{colour}"/>'
    line = f'<line x1="{start}" y1="{y}" x2="{end - way * 2}" y2="{y}" stroke="{colour}" stroke-width="1.7"{dash}/>'
    return line + head


def _told(sheet: _Sheet, note: Note) -> None:
    """What people did: a band across."""
    left, wide = _LEFT - 78, sheet.wide - _LEFT + 78 - 40
    rows = [note.text] if width(note.text) * _EM * 1.1 < wide - 16 else note.text.split(" / ", 1)
    y, high = sheet.y + 2, 10 + 17 * len(rows)
    sheet.parts.append(f'<rect x="{left}" y="{y - 8}" width="{wide}" height="{high}" rx="5" fill="#fff7d6" stroke="#e9c46a"/>')
    for place, row in enumerate(rows):
        sheet.parts.append(_text(left + 12, y + 8 + 17 * place, "told", row, "start"))
    sheet.y = y + high + 10


def _state(sheet: _Sheet, note: Note) -> None:
    """What became of an order: a badge on the lifeline."""
    x, y, wide = sheet.x(note.over) if note.over in sheet.names else _LEFT, sheet.y, width(note.text) * _EM * 1.08 + 22
    sheet.parts.append(
        f'<rect x="{x - wide / 2:.1f}" y="{y - 9}" width="{wide:.1f}" height="20" rx="10" fill="#e3effb" stroke="#9cc2e8"/>'
    )
    sheet.parts.append(_text(x, y + 5, "state", note.text))
    sheet.y = y + 26
