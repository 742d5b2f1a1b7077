"""Messages only its operator makes a system send: asked for as the questionnaire says, or the case is not applicable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.python.failure import Failure

from conformance.loader import load_suite
from conformance.model import Verdict
from conformance.pics import Pics, PicsInvalid, template
from conformance.questionnaire import read_pics
from conformance.selection import applicable, chosen
from gateway.cli.prompting import AtTheDesk, Prompts
from tests.conformance.rig import Rig

SURVEY = "5.1/81"


def prompted() -> list[Any]:
    return chosen(load_suite().cases, "provisioning", "CRM", (SURVEY,))


def test_without_somebody_to_ask_the_case_is_not_applicable() -> None:
    play, rest = applicable(prompted(), Pics())
    assert play == []
    assert [one.verdict for one in rest] == [Verdict.NOT_APPLICABLE]
    assert rest[0].explanation is not None
    assert "prompt=RC02" in rest[0].explanation.reason


def test_a_case_that_asks_somebody_is_not_played_read_only() -> None:
    assert applicable(prompted(), Pics(prompts={"RC02": "true"}), read_only=True)[0] == []


def test_what_is_asked_for_is_said_with_its_content_and_a_failure_is_noted() -> None:
    rig = Rig()
    rig.pics = replace(rig.pics, prompts={"RC02": "x"})
    heard: list[tuple[str, str]] = []

    def prompter(code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        heard.append((code, body["product"]))
        failed("操作员不在 / the operator is away")

    session = rig.session(SURVEY, suite="provisioning", sut="CRM")
    session.host.prompter = prompter
    session.conductor._sanity.clear()  # nothing listens: the sanity case would end the run
    (result,) = rig.play(session).results
    assert heard == [("RC02", "POTS")]
    assert result.verdict == Verdict.FAIL
    assert any("the operator is away" in note for note in result.notes)


def test_the_questionnaire_names_commands_by_message(tmp_path: Any) -> None:
    path = tmp_path / "pics.toml"
    path.write_text(template(), encoding="utf-8")
    assert read_pics(path).prompts == {}
    path.write_text('[prompts]\nRC02 = "ssh crm ask-survey"\n', encoding="utf-8")
    assert read_pics(path).prompts == {"RC02": "ssh crm ask-survey"}
    path.write_text('[prompts]\nXX99 = "x"\n', encoding="utf-8")
    with pytest.raises(PicsInvalid, match="XX99"):
        read_pics(path)


class Process:
    """A reactor that runs nothing, and remembers what was to be run."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, list[str]]] = []

    def spawnProcess(self, protocol: Any, name: str, words: list[str], env: dict[str, str]) -> None:
        """Remember, or fail as the system does."""
        if name == "nowhere":
            raise FileNotFoundError(name)
        self.started.append((protocol, words))


def test_a_command_that_is_none_says_so() -> None:
    heard: list[str] = []
    Prompts(Process(), {"RC02": "nowhere"})("RC02", {}, heard.append)
    Prompts(Process(), {"RC02": ""})("RC02", {}, heard.append)
    Prompts(Process(), {"RC02": "say 'and never end"})("RC02", {}, heard.append)
    assert ["cannot be run" in one for one in heard] == [True, True, True]


@pytest.mark.parametrize(("status", "told"), [(0, 0), (1, 1), (None, 1)])
def test_a_command_is_judged_by_its_end(status: int | None, told: int) -> None:
    class End:
        class value:
            exitCode = status

    reactor, heard = Process(), []
    Prompts(reactor, {"RC02": "ask --as 'OP 1' survey"})("RC02", {"product": "宽带"}, heard.append)
    ((protocol, words),) = reactor.started
    assert words == ["ask", "--as", "OP 1", "survey"]
    for _ in range(100):
        protocol.outReceived(b"so much to say " * 100)
    protocol.errReceived("不认识\n".encode())
    protocol.processEnded(End)
    assert len(heard) == told
    assert all("不认识" in one for one in heard)
    assert len(protocol._said) < 2000


def test_at_the_desk_of_nobody_the_failure_is_heard(tmp_path: Any) -> None:
    heard: list[str] = []

    class Pool:
        def callInThreadWithCallback(self, done: Any, work: Any, *given: Any) -> None:
            try:
                done(True, work(*given))
            except Exception as fault:
                done(False, Failure(fault))

    class Reactor:
        def getThreadPool(self) -> Pool:
            return Pool()

        def callFromThread(self, call: Any, *given: Any) -> None:
            call(*given)

    AtTheDesk(Reactor(), tmp_path)("RC02", {}, heard.append)
    assert [one.startswith("RC02 ") for one in heard] == [True]
