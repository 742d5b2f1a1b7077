"""``bssgw bench codec``: every combination is measured, what is read is what was written, dribbled bytes stay cheap."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.wire.layout import Layout
from gateway.cli.app import bssgw
from gateway.proof.bench_codec import DRIBBLE_LIMIT_S, dribble
from schemas.loader import load


def measured(*options: str) -> Any:
    done = CliRunner().invoke(bssgw, ["bench", "codec", "--seconds", "0.001", "--json", *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_every_envelope_over_a_layout_that_splits_documents() -> None:
    figures = measured("--layout", "dc-64", "--charset", "GBK")
    assert [row["envelope"] for row in figures["rates"]] == [row.name for row in load().envelopes()]
    assert all(row["encode_per_second"] > 0 and row["decode_per_second"] > 0 for row in figures["rates"])
    assert figures["byte_by_byte_cpu_s"]["dc-64"] < DRIBBLE_LIMIT_S
    assert figures["native_us"]["decode"] > figures["native_us"]["charset"]


def test_a_layout_nobody_knows_is_a_fault_of_usage() -> None:
    done = CliRunner().invoke(bssgw, ["bench", "codec", "--layout", "dc-65"])
    assert done.exit_code == 2
    assert "dc-65" in done.stderr


@pytest.mark.parametrize("name", ["ctif-128", "newline"])
def test_twice_the_bytes_cost_twice_the_time(name: str) -> None:
    layout = Layout(load().layout(name))
    half = min(dribble(layout, 1 << 17) for _ in range(2))
    assert min(dribble(layout, 1 << 18) for _ in range(2)) < 4 * half
