"""``bssgw bench codec``: every combination is measured, what is read is what was written, dribbled bytes stay cheap."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.wire.layout import Layout
from gateway.bench.codec import dribble
from gateway.cli.app import bssgw
from schemas.loader import load


def measured(*options: str) -> Any:
    done = CliRunner().invoke(bssgw, ["bench", "codec", "--seconds", "0.001", "--json", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_every_envelope_over_a_layout_that_splits_documents() -> None:
    figures = measured("--layout", "dc-64", "--charset", "GBK")
    assert [row["envelope"] for row in figures["rates"]] == [row.name for row in load().envelopes() if row.shape != "line"]
    assert all(row["encode_per_second"] > 0 and row["decode_per_second"] > 0 for row in figures["rates"])
    assert set(figures["byte_by_byte_cpu_s"]) == {"dc-64"}
    assert set(figures["native_us"]) >= {"decode", "charset"}


def test_a_layout_nobody_knows_is_a_fault_of_usage() -> None:
    done = CliRunner().invoke(bssgw, ["bench", "codec", "--layout", "dc-65"])
    assert done.exit_code == 2
    assert "dc-65" in done.stderr


@pytest.mark.parametrize("name", ["ctif-128", "len4-be", "dc-64"])
def test_a_header_is_read_once_however_the_bytes_come(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, read = Layout(load().layout(name)), []
    decode = Layout.decode_header
    monkeypatch.setattr(Layout, "decode_header", lambda self, head: read.append(1) or decode(self, head))
    size = 1 << 15
    dribble(layout, size)
    packets = -(-size // min(size, layout.body_max or size))
    assert len(read) == packets
