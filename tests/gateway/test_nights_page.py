"""The page for whoever is on call speaks of lines and commands there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gateway.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "when-it-goes-wrong.md").read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "gateway").rglob("*.py")))
FAMILIES = (
    "storage", "log", "link", "circuit", "tls", "intake", "listen", "rate", "document", "charset", "certificate", "clock",
    "gateway", "answer",
)  # fmt: skip
EVENTS = list(dict.fromkeys(re.findall(rf"`((?:{'|'.join(FAMILIES)})\.[a-z_]+)(?![a-z./_])", PAGE)))
COMMANDS = list(dict.fromkeys(re.findall(r"`bssgw ([^`]+)`", PAGE)))


@pytest.mark.parametrize("event", [name for name in EVENTS if name not in ("gateway.lock", "gateway.db", "gateway.log")])
def test_every_line_the_page_names_is_one_the_gateway_logs(event: str) -> None:
    assert f'"{event}"' in SOURCES


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_the_page_names_is_one_there_is(line: str) -> None:
    found = app.bssgw
    for word in shlex.split(line.replace("\n", " ").replace("…", "x")):
        commands = getattr(found, "commands", None)
        if commands is None:
            break
        found = found.get_command(app.bssgw.make_context("bssgw", [], resilient_parsing=True), word)  # type: ignore[attr-defined]
        assert found is not None, word
    options = [word for word in shlex.split(line.replace("\n", " ")) if word.startswith("--")]
    known = [name for param in found.params for name in param.opts]
    assert [name for name in options if name not in known] == []
