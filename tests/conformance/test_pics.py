"""The questionnaire: its template reads back as the defaults, it selects cases, and its faults name their line."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.pics import Pics, PicsInvalid, template
from conformance.questionnaire import read_pics
from gateway.cli.conformance import conformance


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


WRONG = """layout = "ctif-999"
messages = ["OH01", "OH99"]
colour = "red"
listen = 7
[features]
ttl = "yes"
heartbeats = true
[timers]
receipt = "15 seconds"
answer = 30
[values]
area = 25
load_rate = 0
[systems]
PF = "pf1"
RM = "CRM001"
[prompts]
RC99 = "x"
[accounts]
QQ = { user = "x" }
CRM = { user = "x" }
"""


def test_every_fault_is_told_at_once_with_key_line_and_what_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(WRONG, "utf-8")
    with pytest.raises(PicsInvalid) as met:
        read_pics(path)
    told = [(int(one.where.removeprefix(f"{path}:")), one.en) for one in met.value.faults]
    wanted = [
        (1, "layout", "ctif-128"), (2, "OH99", "OH09"), (3, "colour", "layout"), (4, "listen", "table"),
        (6, "features.ttl", "true or false"), (7, "features.heartbeats", "did you mean heartbeat?"),
        (9, "timers.receipt", "a number and ms"), (10, "timers.answer", "a duration"), (12, "values.area", "a text in quotes"),
        (13, "values.load_rate", "greater"), (15, "systems.PF", "capitals"), (16, "systems.RM", "CRM"),
        (18, "RC99", "no message"),
        (20, "accounts.QQ", "channel"), (21, "accounts.CRM", "secret"),
    ]  # fmt: skip
    assert [line for line, _ in told] == [line for line, _, _ in wanted]
    for (_, said), (_, key, allowed) in zip(told, wanted, strict=True):
        assert key in said
        assert allowed in said
    assert all(one.zh and one.zh != one.en for one in met.value.faults)
    assert [one.example for one in met.value.faults if one.where.endswith(":9")] == ['receipt = "15s"']


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("tcp://127.0.0.1:7100", True),
        ("tls://[::1]:7100", True),
        ("http://10.0.0.1:80/soap", True),
        ("unix:///run/crm.sock", True),
        ("localhost:7100", False),
        ("tcp://127.0.0.1", False),
        ("tcp://0.0.0.0:7121", False),
    ],
)
def test_addresses_to_listen_at(tmp_path: Path, address: str, fits: bool) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f'[listen]\nCRM = "{address}"\n', "utf-8")
    if fits:
        assert read_pics(path).listen["CRM"] == address
    else:
        with pytest.raises(PicsInvalid, match=r"p\.toml:2: .*listen\.CRM"):
            read_pics(path)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["layout", "messages", "features", "timers", "systems", "listen", "prompts", "accounts", "tls"]),
        st.one_of(
            st.integers(), st.booleans(), st.text(max_size=4), st.lists(st.integers(), max_size=2),
            st.dictionaries(
                st.sampled_from(["PF", "CRM", "ttl", "receipt", "area", "ca_file", "OH01"]),
                st.one_of(st.integers(), st.text(max_size=6), st.booleans(), st.lists(st.text(max_size=2), max_size=2)),
                max_size=3,
            ),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_whatever_stands_in_it_is_read_or_refused(data: dict[str, Any]) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "p.toml"
        path.write_text(as_toml(data), "utf-8")
        with suppress(PicsInvalid):
            assert isinstance(read_pics(path), Pics)


def as_toml(data: dict[str, Any]) -> str:
    """Plain values as TOML: keys by themselves first, tables behind them."""

    def written(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{name} = {written(inner)}" for name, inner in value.items()) + "}"
        return json.dumps(value)

    return "".join(f"{name} = {written(value)}\n" for name, value in data.items())


def test_the_command_shows_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(WRONG, "utf-8")
    refused = CliRunner().invoke(conformance, ["pics", "--check", str(path)])
    assert refused.exit_code == 2
    assert refused.output.count(f"{path}:") == 15
    assert "例 example: receipt" in refused.output
