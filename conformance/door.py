"""Logins (LN01): the suite's own on connections it opens, and those of the system under test on what it accepts (01.1.5)."""

from __future__ import annotations

from adapters.login import NONCE_BYTES, Doorkeeper, credentials
from adapters.wire.packet import Packet
from adapters.wire.times import wire_time
from conformance.model import Case, Line, Place
from conformance.paper import Paper, Reading, Written
from conformance.ports import Entropy
from conformance.values import Scope

LOGIN = "LN01"
REFUSED = {"code": "2003", "text": "登录不符 / this login is not that of the account"}
UNPROVEN = {"code": REFUSED["code"], "text": "未证明身份 / nobody has proven who asks"}
_PLACE = Place("login", 1)


def about_login(case: Case) -> bool:
    """Whether a case is about login itself: its connections are not logged in for it."""
    lines = (*case.preamble, *case.lines, *case.postamble)
    return "login" in case.pics or any(line.do == "send" and line.what == LOGIN for line in lines)


def about_proof(case: Case) -> bool:
    """Whether a case judges what the system under test proves itself with: it takes what others turn away."""
    return any("proven" in line.args.get("web", {}) for line in case.lines)


class Door:
    """Logs in as the parties that have an account."""

    def __init__(self, paper: Paper, entropy: Entropy) -> None:
        self._paper = paper
        self._entropy = entropy

    def greeting(self, party: str, now: int) -> Written | None:
        """The login of ``party`` on a new connection; None where it has no account. Raises Unsendable."""
        account = self._paper.pics.accounts.get(party)
        if account is None:
            return None
        body = credentials(account.user, account.secret, now, self._entropy.token(NONCE_BYTES))
        return self._paper.message(Line("send", _PLACE, party, LOGIN), dict(body), Scope({}, "", now), None)

    def refusal(self, party: str, packet: Packet) -> str:
        """Why the answer to a login of ``party`` does not let it in; empty: it does."""
        reading = self._paper.read(packet)
        if reading.element == self._paper.catalogue.message(LOGIN).answer:
            return ""
        said = reading.symbol or f"{reading.body.get('code', '')} {reading.body.get('text', '')}".strip()
        user = self._paper.pics.accounts[party].user
        return f"被测方拒绝 {party} 以 {user} 登录：{said} / it refuses the login of {party} as {user}: {said}"


class Doorman:
    """Judges the logins of the system under test; a nonce counts once. Who has no account lets everybody in."""

    def __init__(self, paper: Paper) -> None:
        self._pics = paper.pics
        self._own = paper.pics.systems[paper.sut]
        self._keeper = Doorkeeper()

    def welcome(self, party: str, asked: Reading, now: int) -> tuple[dict[str, str], str]:
        """The body that lets it in, and why it does not: one of them is empty."""
        account = self._pics.accounts.get(party)
        body = asked.body
        if account is not None:
            user = account.sut_user or self._own
            why = self._keeper.why_not(body, user, account.secret, now)
            if why is not None:
                return {}, f"被测方向 {party} 的登录不符（{why}） / its login with {party} is not that of the account ({why})"
        return {"user": str(body["user"]), "time": wire_time(now)}, ""
