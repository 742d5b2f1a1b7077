"""What a simulated system keeps for ever and looks up by key only (late repeats, reconciliation, the auditor): in little room.

The newest values stay as they are.  Older ones lie in pages of rows packed together, which is some dozens of bytes each; where
a row lies is known by a fingerprint of its key, so that a key nobody knows costs no page.  Nobody notices but the memory: keys
keep the order they came in, and a value that may change is one object for as long as anybody has it.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, Generic, TypeVar, overload
from weakref import ref
from zlib import crc32

from simulators.packing import AT_HAND, packed, unpacked

_PAGE = 64
_DRAWERS = 1024
_TRIES, _PASSED_OVER = 8, 2
"""Values looked at a ``settle``, at most; how many of them may be open, or in somebody's hands: those are seen again later."""
V = TypeVar("V")
D = TypeVar("D")
_Row = tuple[int, str, Any]
"""Number in the order of coming, key, packed value."""


class _Index:
    """Where the rows of a key may lie: 8 bytes a row, drawers of fingerprints."""

    def __init__(self) -> None:
        self._drawers: dict[int, tuple[array[int], array[int]]] = {}

    def add(self, key: str, place: int) -> None:
        found = crc32(key.encode())
        marks, places = self._drawers.setdefault(found % _DRAWERS, (array("I"), array("I")))
        marks.append(found)
        places.append(place)

    def places(self, key: str) -> list[int]:
        found = crc32(key.encode())
        drawer = self._drawers.get(found % _DRAWERS)
        if drawer is None or found not in drawer[0]:
            return []
        return [place for mark, place in zip(*drawer, strict=True) if mark == found]

    def remove(self, key: str, place: int) -> None:
        marks, places = self._drawers[crc32(key.encode()) % _DRAWERS]
        n = places.index(place)
        del marks[n], places[n]


class Archive(Generic[V]):
    """A mapping by text. ``pack`` makes plain JSON values of a value, ``unpack`` the value of key and those; ``over`` says
    whether a value may be packed yet. ``mutable``: a value found may be changed where it is found; its class has a
    ``__weakref__`` by which it is seen that nobody has it any more. Others are replaced only."""

    def __init__(
        self,
        pack: Callable[[V], Any],
        unpack: Callable[[str, Any], V],
        *,
        mutable: bool = False,
        over: Callable[[V], bool] = lambda _: True,
        at_hand: int = AT_HAND,
    ) -> None:
        self._pack, self._unpack, self._over, self._mutable = pack, unpack, over, mutable
        self.at_hand = at_hand
        self._hot: OrderedDict[str, tuple[int, V]] = OrderedDict()
        self._index = _Index()
        self._pages: dict[int, bytes] = {}
        self._live: dict[int, int] = {}
        self._page: list[_Row | None] = []
        self._page_no = 0
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, key: str) -> bool:
        return key in self._hot or self._find(key) is not None

    def __iter__(self) -> Iterator[str]:
        """Keys in the order they came; the mapping may change meanwhile."""
        return iter([row[1] for row in self._rows()])

    def __getitem__(self, key: str) -> V:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: V) -> None:
        known = self._hot.pop(key, None)
        if known is None:
            self._count += 1
            number, cold = self._count, self._find(key)
            if cold is None:
                self._size += 1
            else:
                number = cold[1][0]
                self._take_out(*cold)
        else:
            number = known[0]
        self._hot[key] = (number, value)

    def __delitem__(self, key: str) -> None:
        if self._hot.pop(key, None) is None:
            cold = self._find(key)
            if cold is None:
                raise KeyError(key)
            self._take_out(*cold)
        self._size -= 1

    @overload
    def get(self, key: str) -> V | None: ...

    @overload
    def get(self, key: str, default: D) -> V | D: ...

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or ``default``."""
        known = self._hot.get(key)
        if known is not None:
            return known[1]
        cold = self._find(key)
        if cold is None:
            return default
        number, _, row = cold[1]
        value = self._unpack(key, row)
        if self._mutable:
            self._take_out(*cold)
            self._hot[key] = (number, value)
        return value

    def unpacked(self, key: str) -> V | None:
        """The value, unless it is packed."""
        known = self._hot.get(key)
        return None if known is None else known[1]

    def items(self) -> Iterator[tuple[str, V]]:
        """In the order they came, to be read only."""
        for _, key, value in self._rows():
            known = self._hot.get(key)
            yield key, known[1] if known is not None else self._unpack(key, value)

    def rows(self) -> Iterator[tuple[str, Any]]:
        """Keys and what they are packed as, in the order they came: nothing is unpacked, or looked up for it elsewhere."""
        for _, key, row in self._rows():
            known = self._hot.get(key)
            yield key, row if known is None else self._pack(known[1])

    def values(self) -> Iterator[V]:
        """In the order they came, to be read only."""
        return (value for _, value in self.items())

    def scan(self) -> Iterator[V]:
        """All, a page at a time, in no order that means anything; to be read only, and nothing may be looked up meanwhile."""
        yield from (value for _, value in self._hot.values())
        for _, key, value in self._cold():
            yield self._unpack(key, value)

    def settle(self) -> None:
        """Pack the oldest beyond those at hand. Called when nobody is at work on a value."""
        passed_over = 0
        for _ in range(min(_TRIES, len(self._hot) - self.at_hand)):
            passed_over += not self._settle_one()
            if passed_over == _PASSED_OVER:
                break

    def _settle_one(self) -> bool:
        """Pack the oldest; False: it is passed over."""
        key, (number, value) = self._hot.popitem(last=False)
        if not self._over(value):
            self._hot[key] = (number, value)
            return False
        row = self._pack(value)
        watch = ref(value) if self._mutable else None
        del value
        held = watch() if watch is not None else None
        if held is not None:
            self._hot[key] = (number, held)
            return False
        self._put(number, key, row)
        return True

    def _put(self, number: int, key: str, row: Any) -> None:
        self._index.add(key, self._page_no * _PAGE + len(self._page))
        self._live[self._page_no] = self._live.get(self._page_no, 0) + 1
        self._page.append((number, key, row))
        if len(self._page) == _PAGE:
            self._pages[self._page_no] = packed(self._page)
            self._page, self._page_no = [], self._page_no + 1

    def _open(self, page: int) -> list[_Row | None]:
        return self._page if page == self._page_no else unpacked(self._pages[page])

    def _find(self, key: str) -> tuple[int, _Row] | None:
        """Where a packed value lies, and its row."""
        for place in self._index.places(key):
            row = self._open(place // _PAGE)[place % _PAGE]
            if row is not None and row[1] == key:
                return place, row
        return None

    def _take_out(self, place: int, row: _Row) -> None:
        """The row counts no more; what is left of a page that is nearly empty moves to the newest."""
        page = place // _PAGE
        self._index.remove(row[1], place)
        self._live[page] -= 1
        if page == self._page_no:
            self._page[place % _PAGE] = None
        elif self._live[page] <= _PAGE // 4:
            left = list(self._standing(page))
            del self._pages[page], self._live[page]
            for n, other in left:
                self._index.remove(other[1], page * _PAGE + n)
                self._put(*other)

    def _standing(self, page: int) -> Iterator[tuple[int, _Row]]:
        """Rows of a page that count, with their numbers on it."""
        whole = self._live[page] == _PAGE  # nothing of it was taken out: no row has to be looked for
        for n, row in enumerate(self._open(page)):
            if row is not None and (whole or page * _PAGE + n in self._index.places(row[1])):
                yield n, row

    def _cold(self) -> Iterator[_Row]:
        for page in list(self._pages):
            yield from (row for _, row in self._standing(page))
        yield from (row for row in self._page if row is not None)

    def _rows(self) -> list[_Row]:
        hot: list[_Row] = [(number, key, None) for key, (number, _) in self._hot.items()]
        return sorted([*hot, *self._cold()], key=itemgetter(0))
