"""The decoding process: documents as bytes in, plain values out (``gateway/decoding.py``); ends when its input does.

A document it cannot decode goes back undecoded: faults are found and explained in the gateway itself.
"""

from __future__ import annotations

import gc
import marshal
import sys
from typing import Any, BinaryIO

from adapters.document import DocumentRefused
from adapters.xml.codec import Codec
from gateway.decoding import FRAME, header_values
from schemas.loader import load


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Frame after frame until the source ends."""
    codec = Codec(load())
    gc.collect()
    gc.freeze()
    while len(size := source.read(FRAME)) == FRAME:
        batch = marshal.loads(source.read(int.from_bytes(size, "big")))
        data = marshal.dumps([_decoded(codec, *request) for request in batch])
        sink.write(len(data).to_bytes(FRAME, "big") + data)
        sink.flush()


def _decoded(
    codec: Codec, number: int, raw: bytes, charset: str, expect: dict[str, str] | None
) -> tuple[int, str | None, tuple[Any, ...], dict[str, Any]]:
    try:
        document = codec.decode(raw, charset, expect)
    except DocumentRefused:
        return number, None, (), {}
    return number, document.element, header_values(document.header), document.body


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
