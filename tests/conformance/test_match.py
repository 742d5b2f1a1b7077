"""Expected against got: what fits, and how a difference is told."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.match import differences
from conformance.values import ABSENT


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("a", "a"),
        (1, 1),
        (True, True),
        ("*", "anything"),
        ("-", ABSENT),
        ("~[0-9]{3}", "123"),
        ("=0001|0002", "0002"),
        ("!x", "y"),
        (">3", 4),
        ({}, {"free": 1}),
        ({"a": {"b": "*"}}, {"a": {"b": 1}, "c": 2}),
        ({"a": "-"}, {"b": 1}),
        ([{"id": "b"}, {"id": "a"}], [{"id": "a"}, {"id": "b"}]),
        ([{"id": "a"}, "..."], [{"id": "z"}, {"id": "a"}]),
    ],
)
def test_it_fits(expected: Any, got: Any) -> None:
    assert differences(expected, got) == []


@pytest.mark.parametrize(
    ("expected", "got", "path"),
    [
        ("a", "b", "/"),
        (1, "1", "/"),
        ("*", ABSENT, "/"),
        ({"a": 1}, {"a": 2}, "/a"),
        ({"a": {"b": "x"}}, {"a": {}}, "/a/b"),
        ({"a": "-"}, {"a": 1}, "/a"),
        ("~[0-9]{3}", "1234", "/"),
        ("=a|b", "c", "/"),
        (">3", 3, "/"),
        ([{"id": "a"}], [{"id": "b"}], "[1]/id"),
        ([{"id": "a"}], [{"id": "a"}, {"id": "b"}], "/"),
        ([{"id": "a"}, {"id": "b"}], [{"id": "a"}], "[2]"),
        ({"a": [1]}, {"a": "x"}, "/a"),
    ],
)
def test_a_difference_names_its_place(expected: Any, got: Any, path: str) -> None:
    assert [one.path for one in differences(expected, got)] == [path]


def test_every_difference_is_told_at_once() -> None:
    found = differences({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0})
    assert [(one.path, one.expected, one.got) for one in found] == [("/b", "2", "0"), ("/c", "3", "（无） / (nothing)")]
