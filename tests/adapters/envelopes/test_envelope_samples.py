"""Samples of every envelope: good ones say what they should, bad ones are refused with the code in their name (spec 05)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.document import DocumentRefused
from tests.adapters.envelopes.speech import CATALOGUE, FOREIGN, sample, speech

SAMPLES = [path for name in FOREIGN for path in sorted((CATALOGUE.root / "envelopes" / "samples" / name).iterdir())]
ORDER = sample("DispatchOrder", "ok_pots_adsl")
SERIAL = "CRM001" + "20261122090000" + "0000000001"


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_envelope_has_good_and_bad_samples():
    found = {(path.parent.name, path.name.partition("_")[0]) for path in SAMPLES}
    assert found == {(name, kind) for name in FOREIGN for kind in ("ok", "bad")}


@pytest.mark.parametrize("path", [p for p in SAMPLES if p.name.startswith("ok_") and "answer" not in p.name], ids=named)
def test_good_requests(path):
    found = speech(path.parent.name, codes={}).decode(path.read_bytes())
    assert (found.row.code, found.body, found.header.sender) == ("OH01", ORDER.body, "CRM001")


@pytest.mark.parametrize("path", [p for p in SAMPLES if p.name.startswith("ok_answer")], ids=named)
def test_good_answers(path):
    asked = replace(ORDER.header, serial=SERIAL)
    found = speech(path.parent.name, codes={}).decode_answer(path.read_bytes(), None, asked)
    accepted = "0000" if "soo" in path.name else "0001"  # an answer of operations holds no Receipt
    assert (found.element, found.body["code"]) == ("Receipt", accepted if "accepted" in path.name else "3004")


@pytest.mark.parametrize("path", [p for p in SAMPLES if p.name.startswith("bad_")], ids=named)
def test_bad_ones(path):
    with pytest.raises(DocumentRefused) as refused:
        speech(path.parent.name, codes={}).decode(path.read_bytes())
    assert CATALOGUE.result(refused.value.symbol).code == path.name.split("_")[1]
