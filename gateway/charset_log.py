"""Wrong charset declarations, kept per peer so that partners can be told; a peer row may forbid them (spec 01.2 rule 2)."""

from __future__ import annotations

import structlog

from adapters.document import DocumentRefused, Fault, Header
from adapters.xml.charset import Found
from gateway.config.model import Peer

log = structlog.get_logger()

SAID_EVERY = 1000
"""The log hears of a peer's first wrong declaration of a sort, and of every thousandth."""


class CharsetLog:
    """``counts``: documents by peer, then by what was declared and what it was (``UTF-8 -> GB18030``)."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}

    def judge(self, peer: Peer, reading: Found, header: Header) -> None:
        """Takes down a document whose label was false. Raises DocumentRefused (1005) where the peer's row forbids that."""
        declared = ", ".join(dict.fromkeys(reading.wrong))
        sort = f"{declared} -> {reading.charset}"
        counts = self.counts.setdefault(peer.id, {})
        counts[sort] = counts.get(sort, 0) + 1
        if counts[sort] % SAID_EVERY == 1:
            zh = f"对端声明的字符集不对，已按实际的 {reading.charset} 读取：请对方改正声明；wrong_charset = \"refuse\" 则拒收"
            en = f"the peer declares a wrong charset, read as the {reading.charset} it is: have it mended there; with"
            en += " wrong_charset = \"refuse\" it would be refused"
            log.warning("charset.wrong_declaration", peer=peer.id, declared=declared, found=reading.charset, n=counts[sort],
                        zh=zh, en=en)  # fmt: skip
        if peer.wrong_charset == "record":
            return
        zh = f"声明的字符集 {declared} 与实际的 {reading.charset} 不符，请改正声明"
        en = f"declared as {declared}, but it is {reading.charset}: mend the declaration"
        raise DocumentRefused("CHARSET_UNDECODABLE", (Fault("/", "charset", declared, zh, en),), header)
