"""The content coding gzip of HTTP bodies, both ways, within a limit (spec 01.3; RFC 9110 8.4.1.3, 12.5.3; RFC 1952 2.2)."""

from __future__ import annotations

import zlib
from functools import lru_cache

NAMES = (b"gzip", b"x-gzip")
"""What Content-Encoding calls it."""
WORTH_IT_FROM = 1024
"""Bodies shorter than this are not worth compressing."""
MOST_MEMBERS = 1024
"""A writer that starts a new member every 64 KiB stays far below this; more only cost time."""
_PIECE = 16_384
_WBITS = 31


class NotGzip(ValueError):
    """Bytes that are no gzip, or not all of it; ``zh`` and ``en`` say so."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


class UnpacksTooLong(ValueError):
    """Unpacked it would be longer than the limit."""


def packed(body: bytes) -> bytes:
    """``body`` as one member."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _WBITS)
    return packer.compress(body) + packer.flush()


def unpacked(body: bytes, most: int) -> bytes:
    """What ``body``, one member or several, unpacks to. Raises UnpacksTooLong beyond ``most`` bytes, NotGzip for anything that
    is not members to its end."""
    pieces: list[bytes] = []
    size = members = at = 0
    while at < len(body) or not members:
        members += 1
        if members > MOST_MEMBERS:
            raise NotGzip(f"gzip 分段多于 {MOST_MEMBERS}", f"more than {MOST_MEMBERS} gzip members")
        unpacker = zlib.decompressobj(_WBITS)
        while not unpacker.eof and at < len(body):
            # in pieces, or every member would copy all that stands behind it
            taken = body[at : at + _PIECE]
            try:
                pieces.append(unpacker.decompress(taken, most - size + 1))
            except zlib.error as fault:
                raise NotGzip(f"gzip 解压失败：{fault}", f"not valid gzip: {fault}") from fault
            size += len(pieces[-1])
            if size > most:
                raise UnpacksTooLong(str(most))
            at += len(taken) - len(unpacker.unused_data)
        if not unpacker.eof:
            raise NotGzip("gzip 数据不完整", "incomplete gzip")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@lru_cache(maxsize=64)
def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether whoever sent this Accept-Encoding takes gzip: named, or under ``*``, with a weight above nought."""
    weights: dict[bytes, bool] = {}
    for entry in accept_encoding.lower().split(b","):
        name, *parameters = (part.strip() for part in entry.split(b";"))
        weights[name] = not any(_is_nought(parameter) for parameter in parameters)
    named = [weights[name] for name in NAMES if name in weights]
    return any(named) if named else weights.get(b"*", False)


def _is_nought(parameter: bytes) -> bool:
    name, _, value = parameter.partition(b"=")
    return name.strip() == b"q" and bool(value.strip()) and not value.strip().strip(b"0.")
