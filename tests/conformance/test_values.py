"""Placeholders of cases: what they become, and what happens where nothing fills them."""

from __future__ import annotations

import pytest

from conformance.values import Scope, Unresolved, holes, render, root_of, span_ms

ORDER = {"version": 1, "items": [{"id": "a"}, {"id": "b"}], "header": {"serial": "S1"}}
SCOPE = Scope({"order": ORDER}, "TOK", 1_795_309_200_000)
NUMBERED = {"each": "order.items", "as": "one", "value": {"id": "${one.id}", "n": "${n}"}}


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ("${SO1}", "SO1TOK"),
        ("x-${token}", "x-TOK"),
        ("${now}", "20261122090000"),
        ("${now+1d}", "20261123090000"),
        ("${now-90s}", "20261122085830"),
        ("${order.version}", 1),
        ("${order.version+2}", 3),
        ("v${order.version}", "v1"),
        ("${order.items.1.id}", "b"),
        ("${order.header.serial}", "S1"),
        ({"a": "${order.none?}", "b": 1}, {"b": 1}),
        (["${order.none?}", "x"], ["x"]),
        (NUMBERED, [{"id": "a", "n": 1}, {"id": "b", "n": 2}]),
        ({"list": {"each": "order.none?", "value": 1}}, {}),
        ("plain", "plain"),
    ],
)
def test_a_value_is_filled(value: object, becomes: object) -> None:
    assert render(value, SCOPE) == becomes


@pytest.mark.parametrize("value", ["${order.none}", "${nobody.x}", "${order.items+1}", "${What is this}"])
def test_what_nothing_fills_is_a_fault(value: str) -> None:
    with pytest.raises(Unresolved):
        render(value, SCOPE)


def test_the_roots_of_placeholders_are_found() -> None:
    found = holes({"a": "${order.x} ${SO1}", "b": ["${now+1d}", {"c": "${pixit.area}"}]})
    assert [root_of(hole) for hole in found] == ["order", None, None, "pixit"]


@pytest.mark.parametrize(("text", "ms"), [("500ms", 500), ("2s", 2000), ("1.5m", 90_000), ("4h", 14_400_000), ("soon", None)])
def test_durations(text: str, ms: int | None) -> None:
    assert span_ms(text) == ms


def test_text_under_a_key_has_a_digest() -> None:
    scope = Scope({"pixit": {"secret": "s3cret"}}, "T00", 0)
    made = render({"digest": {"hmac": "user${token}", "key": "${pixit.secret}"}}, scope)
    assert made == {"digest": "c100e3d75111e19118dc486374ffe279499a01f634b52b4daa1781da31387140"}
