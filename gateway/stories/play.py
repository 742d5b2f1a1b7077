"""Plays a story to its end and says whether it went as it is written: steps, ends of all systems, and the auditor's word."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.proof.aloud import quietly
from gateway.stories.arrows import Moment, moments
from gateway.stories.ends import End, ends
from gateway.stories.stage import Stage, StoryFailed
from gateway.stories.steps import take
from gateway.stories.story import Story


@dataclass(frozen=True, slots=True)
class Told:
    """A story as it went: what is drawn from ``drawn_from`` (ms) on, how everybody stood, and what was otherwise than it should
    be (empty: all is well). ``virtual_ms``: how long it took in virtual time, ``digest``: of everything that crossed a wire."""

    story: Story
    drawn_from: int
    moments: list[Moment]
    ends: list[End]
    virtual_ms: int
    digest: str
    wrong: list[str] = field(default_factory=list)


def play(story: Story) -> Told:
    """The whole story; it takes a fraction of a second."""
    with quietly():
        stage = Stage(story)
        wrong = _steps(stage)
        outcome = stage.world.finish()
    if not wrong and not outcome.quiet:
        wrong.append("有定单或报文没有结束 / something has not ended")
    wrong += [str(one) for one in outcome.violations]
    wrong += [f"定单没有到达预期 / order not at its expected end: {one}" for one in outcome.unmet]
    wrong += [f"异常 / exception: {one}" for one in outcome.defects]
    wrong += [f"网络故障没有发生 / fault never dealt: {one.do} {one.code} {one.kind}" for one in stage.faults.undealt]
    reached = ends(stage)
    wrong += _difference(list(story.ends), reached)
    return Told(story, stage.drawn_from, moments(stage), reached, outcome.virtual_ms, outcome.digest, wrong)


def _steps(stage: Stage) -> list[str]:
    stage.world.start()
    stage.advance(1)
    stage.drawn_from, stage.alone = stage.now, len(stage.world.trace.lines)
    for number, step in enumerate(stage.story.steps, 1):
        try:
            take(stage, step)
        except StoryFailed as fault:
            return [f"第 {number} 步 / step {number} ({step.do}): {fault}"]
    return []


def _difference(wanted: list[tuple[str, ...]], found: list[End]) -> list[str]:
    missing = [row for row in wanted if row not in found]
    extra = [row for row in found if row not in wanted]
    return [f"应有而无 / missing: {' | '.join(row)}" for row in missing] + [
        f"不应有 / unexpected: {' | '.join(row)}" for row in extra
    ]
