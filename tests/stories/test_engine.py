"""The engine of the stories notices what does not go as it is written, and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.stories.play import play
from gateway.stories.story import Fault, Step, StoryInvalid, parse_story, read_story

PLAIN = read_story("install-number-line")
REFUSED = read_story("refused-at-the-counter")


STORY = """
clause = "5.4"
zh = "甲"
en = "A"
tells_zh = "乙"
tells_en = "B"
ends = "CRM | order A | DONE"
[[step]]
do = "wait"
s = 1
"""


def test_an_end_that_is_not_reached_and_one_nobody_expected_are_both_named() -> None:
    told = play(replace(PLAIN, ends=(*PLAIN.ends[1:], ("CRM", "order A", "CANCELLED v1"))))
    assert told.wrong == [
        "应有而无 / missing: CRM | order A | CANCELLED v1",
        f"不应有 / unexpected: {' | '.join(PLAIN.ends[0])}",
    ]


def test_another_receipt_than_the_one_written_ends_the_story() -> None:
    first = REFUSED.orders[1]
    told = play(replace(REFUSED, orders=(first,), steps=(Step("submit", "", "", {"order": first.name, "receipt": "0001"}),)))
    assert told.wrong[0].startswith("第 1 步 / step 1 (submit): 应答 3020")


def test_what_never_happens_is_not_waited_for_longer_than_it_says() -> None:
    waiting = Step("until", "", "", {"order": "A", "state": "DEFERRED", "s": 5})
    told = play(replace(PLAIN, steps=(*PLAIN.steps, waiting)))
    assert len(told.wrong) == 1
    assert "5 秒内未见" in told.wrong[0]


def test_a_fault_whose_message_never_came_is_named() -> None:
    told = play(replace(PLAIN, faults=(Fault("lose", "CN02", "notification", "PF0001"),)))
    assert told.wrong == ["网络故障没有发生 / fault never dealt: lose CN02 notification"]


def test_an_order_at_another_end_than_expected_is_named() -> None:
    (order,) = PLAIN.orders
    told = play(replace(PLAIN, orders=(replace(order, expect="CANCELLED"),)))
    assert told.wrong == ["定单没有到达预期 / order not at its expected end: DEMO0000-01: COMPLETED"]


def test_an_unknown_verb_is_named() -> None:
    told = play(replace(PLAIN, steps=(Step("dance", "", "", {}),)))
    assert "dance" in told.wrong[0]


@pytest.mark.parametrize(
    "given",
    [
        "clause = ",
        STORY.replace('zh = "甲"\n', ""),
        STORY.replace("CRM | order A", "order A"),
        STORY + '[[order]]\nnumber = "A"\n',
        STORY + '[[act]]\ndo = "explode"\n',
    ],
    ids=["no TOML", "no title", "an end without its system", "an order without a name", "an act nobody knows"],
)
def test_what_is_no_story_is_refused(given: str) -> None:
    with pytest.raises(StoryInvalid, match="故事 x 写得不对"):
        parse_story("x", given)


@pytest.mark.parametrize("name", ["nothing", "─" * 200, "../stories/deferral", "a\0b", ""])
def test_a_story_that_is_not_there_says_where_to_look(name: str) -> None:
    with pytest.raises(StoryInvalid, match="bssgw demo list"):
        read_story(name)
