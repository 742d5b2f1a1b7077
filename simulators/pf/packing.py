"""Plain values in little room: what a closed order is kept as once many others have closed after it."""

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
