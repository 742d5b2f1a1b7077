"""Serials of our own: always as wide as their field (spec 01.1.1)."""

from __future__ import annotations

import pytest

from adapters.wire.times import own_serial

AT = 1_795_309_200_000


@pytest.mark.parametrize(
    ("number", "digits"), [(1, "0000000001"), (10**10 - 1, "9999999999"), (10**10, "0000000000"), (10**10 + 7, "0000000007")]
)
def test_the_counter_of_a_serial_begins_anew_when_its_digits_are_used_up(number: int, digits: str) -> None:
    assert own_serial("CRM001", AT, number) == f"CRM00120261122090000{digits}"
