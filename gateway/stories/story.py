"""Stories: what happens to orders between all systems, told as data, played in a simulated world (spec 5.1-5.12, 06.5).

A story is a TOML file in ``gateway/demo/stories``: its orders (files shipped beside it or with the demo), what the simulated
systems do otherwise than usual (the tables of ``simulators.scripts``), what the network does to single messages
(``[[fault]]``), which dialects they speak (``[[dialect]]``), what people do and when (``[[step]]``), and how every system
stands at the end (``ends``).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from simulators.scripts import Scripts, read_scripts

SCRIPT_TABLES = ("act", "manual", "event", "failure")
_FOLDER = files("gateway") / "demo"
_STORIES = _FOLDER / "stories"


class StoryInvalid(ValueError):
    """The file is no story; the text says why, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class StoryOrder:
    """An order by the ``name`` it has in the story; ``expect`` is the last state its channel hears of, or the refusal."""

    name: str
    file: str
    expect: str = "COMPLETED"

    @property
    def raw(self) -> bytes:
        """The document as it is submitted."""
        own = _STORIES / self.file
        return (own if own.is_file() else _FOLDER / self.file).read_bytes()


@dataclass(frozen=True, slots=True)
class Fault:
    """What the network does to the ``nth`` message ``code`` of a ``kind`` (request, notification, receipt, reply) from
    ``sender``: ``lose`` it with its connection, deliver it ``twice``, or ``late`` by ``s`` seconds."""

    do: str
    code: str
    kind: str
    sender: str
    nth: int = 1
    s: float = 0.0


@dataclass(frozen=True, slots=True)
class Dialect:
    """Envelope and charset a ``system`` and the CRM speak with each other.  In a story with dialects PF and RM meet only
    through the CRM, which translates."""

    system: str
    envelope: str
    charset: str


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next: ``do`` is a verb of ``stories_steps.VERBS``, ``given`` what it needs; ``zh`` and ``en`` say it in the
    drawing."""

    do: str
    zh: str
    en: str
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """One story; ``ends`` are rows of system, subject and state, all of them, in order."""

    name: str
    clause: str
    zh: str
    en: str
    tells_zh: str
    tells_en: str
    seed: int
    orders: tuple[StoryOrder, ...]
    faults: tuple[Fault, ...]
    dialects: tuple[Dialect, ...]
    steps: tuple[Step, ...]
    scripts: Scripts
    ends: tuple[tuple[str, ...], ...]


def story_names() -> list[str]:
    """Names of the shipped stories, by chapter."""
    found = [path.name.removesuffix(".toml") for path in _STORIES.iterdir() if path.name.endswith(".toml")]
    return sorted(found, key=lambda name: (_place(read_story(name).clause), name))


def _place(clause: str) -> list[int]:
    return [int(part) for part in clause.split(".")]


def read_story(name: str) -> Story:
    """The shipped story ``name``. Raises StoryInvalid: there is none, or it is not well written."""
    path = next((one for one in _STORIES.iterdir() if one.name == f"{name}.toml"), None)
    if path is None:
        raise StoryInvalid(f"没有故事 {name}：用 bssgw demo list 查看 / no story {name}: see bssgw demo list")
    return parse_story(name, path.read_text(encoding="utf-8"))


def parse_story(name: str, text: str) -> Story:
    """A story from its TOML. Raises StoryInvalid."""
    try:
        data = tomllib.loads(text)
        head = {key: data[key] for key in ("clause", "zh", "en")}
        return Story(
            name=name,
            **head,
            tells_zh=data["tells_zh"].strip(),
            tells_en=data["tells_en"].strip(),
            seed=data.get("seed", 1),
            orders=tuple(StoryOrder(**row) for row in data.get("order", ())),
            faults=tuple(Fault(**row) for row in data.get("fault", ())),
            dialects=tuple(Dialect(**row) for row in data.get("dialect", ())),
            steps=tuple(_step(row) for row in data["step"]),
            scripts=read_scripts({table: data[table] for table in SCRIPT_TABLES if table in data}),
            ends=tuple(_end(line) for line in data["ends"].strip().splitlines()),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise StoryInvalid(f"故事 {name} 写得不对：{fault} / story {name} is not well written: {fault}") from fault


def _step(row: dict[str, Any]) -> Step:
    own = [field.name for field in fields(Step)]
    given = {key: value for key, value in row.items() if key not in own}
    return Step(row["do"], row.get("zh", ""), row.get("en", ""), given)


def _end(line: str) -> tuple[str, ...]:
    cells = tuple(cell.strip() for cell in line.split("|"))
    if len(cells) != 3:
        raise ValueError(f"ends: {line!r}")
    return cells
