"""Plain values in little room: what is closed is kept as this once much else has closed after it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

AT_HAND = 2000
"""Values of a kind that are not packed yet, at least."""
T = TypeVar("T")


def packed(value: Any) -> bytes:
    """Of dicts, lists, texts, integers, truth values and None."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpacked(raw: bytes) -> Any:
    """The same again."""
    return json.loads(zlib.decompress(raw))


def _same(value: Any) -> Any:
    return value


class Packable(Generic[T]):
    """An attribute whose value can be packed in place; it is read and set as if it never were. Its class has a field of the
    same name with an underscore before it. ``plain`` makes plain values of the value, ``again`` the value of those."""

    def __init__(self, plain: Callable[[T], Any] | None = None, again: Callable[[Any], T] | None = None) -> None:
        self._plain, self._again = plain or _same, again or _same

    def __set_name__(self, owner: type, name: str) -> None:
        self._field = f"_{name}"

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: object | None, kind: type) -> Self | T:
        if owner is None:
            return self
        value: T | bytes = getattr(owner, self._field)
        return self._again(unpacked(value)) if isinstance(value, bytes) else value

    def __set__(self, owner: object, value: T) -> None:
        setattr(owner, self._field, value)

    def pack(self, owner: object) -> None:
        """From now on the value takes little room; it must not be packed yet."""
        setattr(owner, self._field, packed(self._plain(getattr(owner, self._field))))
