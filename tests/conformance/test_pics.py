"""The questionnaire: its template reads back as the defaults, it selects cases, and its faults name their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.pics import Pics, PicsInvalid, read_pics, template


def test_the_template_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(template(), "utf-8")
    assert read_pics(path) == Pics()


@pytest.mark.parametrize(
    ("condition", "lacking"),
    [
        ((), ""),
        (("OH01",), ""),
        (("CN01",), "CN01"),
        (("!CN01",), ""),
        (("!OH01",), "!OH01"),
        (("ttl",), "ttl"),
        (("layout=ctif-128", "layout=newline"), "layout=newline"),
    ],
)
def test_conditions(condition: tuple[str, ...], lacking: str) -> None:
    pics = Pics(messages=("OH01",), features={**Pics().features, "ttl": False})
    assert pics.lacks(condition) == lacking


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[timers]\nreceipt = 15\n", "p.toml:2"),
        ('[timers]\nreceipt = "soon"\n', "p.toml:2"),
        ('layout = "morse"\n', "p.toml:1"),
        ('charset = "EBCDIC"\n', "p.toml:1"),
        ('messages = ["OH99"]\n', "no message OH99"),
        ("[features]\n\ntelepathy = true\n", "p.toml:3"),
        ("colour = 1\n", "colour"),
        ("=", "no TOML"),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(PicsInvalid, match=says.replace(".", r"\.")):
        read_pics(path)


def test_times_are_named_or_written(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('[timers]\nreceipt = "2s"\n', "utf-8")
    pics = read_pics(path)
    assert (pics.time("receipt"), pics.time("250ms"), pics.time("answer")) == (2000, 250, 30_000)
