"""Plain values in little room: what is closed is kept as this once much else has closed after it."""

from __future__ import annotations

import json
import zlib
from typing import Any


def packed(value: Any) -> bytes:
    """Of dicts, lists, texts, integers, truth values and None."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpacked(raw: bytes) -> Any:
    """The same again."""
    return json.loads(zlib.decompress(raw))
