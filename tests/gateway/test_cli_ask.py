"""``bssgw order ask``: through the running gateway, and how answers read."""

from __future__ import annotations

import pytest

from gateway.cli.inquiring import tell_answers
from tests.gateway.conftest import Running, bssgw

INQUIRED = {
    "answer": [
        {
            "item_id": "1",
            "allowed": True,
            "point_of_no_return": "soft",
            "would_undo": [{"code": "DATA_CONFIG", "name": "数据制作"}],
        }
    ],
    "at": 1_795_312_800_000,
}
PROCESS = {
    "state": "IN_PROGRESS",
    "version": 1,
    "at": 1_795_312_800_000,
    "work_orders": [{"id": "WO000001", "stage": "FIELD", "state": "accepted", "created": "20261122084000"}],
}


@pytest.mark.parametrize("extra", [[], ["--operation", "cancel"]])
def test_an_order_nobody_knows_is_refused_by_the_gateway(running: Running, extra: list[str]) -> None:
    done = bssgw("order", "ask", "SO404", *extra, "--as", "OP1", "--config", running.config)
    assert (done.code, "3003" in done.out) == (1, True)


def test_only_operations_provisioning_tells_about_are_asked(running: Running) -> None:
    assert bssgw("order", "ask", "SO404", "--operation", "unlock", "--config", running.config).code == 2


def test_answers_are_told_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    tell_answers({"process": PROCESS, "inquiries": {"cancel": INQUIRED, "amend": {"asked": {"serial": "x"}}}})
    told = capsys.readouterr().out
    for part in ("IN_PROGRESS", "WO000001", "FIELD", "cancel", "soft", "DATA_CONFIG 数据制作"):
        assert part in told


def test_without_answers_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tell_answers({})
    assert capsys.readouterr().out == ""
