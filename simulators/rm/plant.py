"""The plant: pools of resource instances by area, bureau and type, and what each instance is doing.

Instances come into being when first touched; a pool remembers how far its fresh ones are used and which were given back
(oldest first), so taking one costs the same in a plant of ten thousand and of ten million.  Everything is decided by the
table and the order of requests: the same requests get the same instances.  A hold is taken by compare-and-set on state and
version in one place (``Plant.move``): two takers never get one resource (spec 04.7).
"""

from __future__ import annotations

import re
import tomllib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase, translate
from importlib.resources import files
from itertools import chain
from typing import Any

from schemas.loader import load
from simulators.archive import Archive
from simulators.packing import AT_HAND
from simulators.rm.states import BUILDING, FREE, states

_SLOTS = 250
_DIGITS = 7


@dataclass(slots=True, eq=False, weakref_slot=True)
class Resource:
    """资源实例 RES_INST (spec 03). ``instance`` is the product instance it serves or is meant for, ``since`` ms."""

    id: str
    type: str
    role: str
    code: str
    area: str
    bureau: str
    device: str
    state: str = FREE
    previous: str = FREE
    since: int = 0
    reservation: str | None = None
    order: str | None = None
    instance: str | None = None
    version: int = 0

    def ref(self) -> dict[str, Any]:
        """As ``ResourceRef`` on the wire."""
        return {"res_inst_id": self.id, "res_type": self.type, "role": self.role, "code": self.code}


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A resource type: how many a pool has in service and how many more are under construction, how instances are named, how
    long a given-back one rests, its 10W ``Reason``."""

    code: str
    role: str
    key: str
    count: int
    building: int
    code_format: str
    device_format: str
    quarantine_days: int
    shortage: dict[str, str]


@dataclass(slots=True)
class Pool:
    """The instances of one type in one bureau. ``fresh`` is the first never touched in sequence; ``back`` holds ids given
    back (an id that is no longer free is skipped when met); ``built`` of those under construction are in service."""

    row: TypeRow
    area: str
    bureau: str
    bureau_no: int
    prefix: str
    fresh: int = 0
    free: int = 0
    built: int = 0
    back: deque[str] = field(default_factory=deque)

    def instance_id(self, n: int) -> str:
        """Id of the pool's instance number ``n``."""
        return f"{self.row.key}{self.bureau}{n:0{_DIGITS}d}"

    def code_head(self) -> str:
        """What codes of this pool begin with, up to the running number; empty where they hold none in decimal."""
        head, found, rest = self.row.code_format.partition("{n:")
        return head.format(**self._names()) if found and rest.endswith("d}") else ""

    def code_of(self, n: int) -> str:
        """The code of instance number ``n``."""
        return self.row.code_format.format(**self._values(n))

    def device_of(self, n: int) -> str:
        """The device instance number ``n`` is on: a whole shelf is on one."""
        return self.row.device_format.format(**self._values(n))

    def numbers_on(self, device: str | None) -> Iterator[int]:
        """Numbers of the instances on a device; None: all."""
        if device is None:
            yield from range(self.size)
            return
        for first in range(0, self.size, _SLOTS):
            if self.device_of(first) == device:
                yield from range(first, min(first + _SLOTS, self.size))

    def _values(self, n: int) -> dict[str, Any]:
        return self._names() | {"n": n, "shelf": n // _SLOTS + 1, "slot": n % _SLOTS + 1}

    def _names(self) -> dict[str, Any]:
        return {"area": self.area, "bureau": self.bureau, "bureau_no": self.bureau_no, "prefix": self.prefix}

    @property
    def size(self) -> int:
        """How many instances there are, with those under construction."""
        return self.row.count + self.row.building

    def create(self, n: int) -> Resource:
        """Instance number ``n`` as the table describes it: free, or under construction."""
        code, device = self.code_of(n), self.device_of(n)
        state = FREE if n < self.row.count else BUILDING
        row = self.row
        return Resource(self.instance_id(n), row.code, row.role, code, self.area, self.bureau, device, state, state)


class Plant:
    """Every pool and every instance touched so far."""

    def __init__(self, table: dict[str, Any], scale: float = 1.0) -> None:
        self.table = table
        self.types = {row["code"]: _type_row(row, scale) for row in table["type"]}
        self.pools: dict[tuple[str, str], list[Pool]] = {}
        self.resources: Archive[Resource] = Archive(_packed, self._unpacked, mutable=True, at_hand=_RESOURCES * AT_HAND)
        self.in_use: Archive[tuple[str, ...]] = Archive(list, lambda _, ids: tuple(ids))
        self._freed: list[Resource] = []
        self._prefixes: dict[str, Pool] = {}
        self._next_bureau: dict[tuple[str, str], int] = {}
        self._areas = [area["code"] for area in table["area"]]
        for area in table["area"]:
            for number, bureau in enumerate(area["bureaus"]):
                for row in self.types.values():
                    pool = Pool(row, area["code"], bureau, number, area["prefix"], free=row.count)
                    self.pools.setdefault((area["code"], row.code), []).append(pool)
                    self._prefixes[f"{row.key}{bureau}"] = pool

    @property
    def size(self) -> int:
        """How many instances the plant has."""
        return sum(pool.row.count for pools in self.pools.values() for pool in pools)

    def by_code(self, area: str, res_type: str, code: str) -> Resource | None:
        """The instance of this very code (an access number, an account), or None where the plant has none."""
        for pool in self.pools.get((area, res_type), []):
            head = pool.code_head()
            digits = code[len(head) :]
            if head and code.startswith(head) and digits.isdigit() and int(digits) < pool.size:
                resource = self._touch(pool, int(digits))
                if resource.code == code:
                    return resource
        return None

    def covers(self, area: str) -> bool:
        """Whether the plant stands in this local network at all (else 3022)."""
        return area in self._areas

    def bureaus(self, area: str) -> list[str]:
        """The bureaus of a local network."""
        return list(dict.fromkeys(pool.bureau for key, pools in self.pools.items() if key[0] == area for pool in pools))

    def find(self, res_inst_id: str) -> Resource | None:
        """The instance of this id, or None where the plant has none."""
        known = self.resources.get(res_inst_id)
        if known is not None:
            return known
        pool, n = self._prefixes.get(res_inst_id[:-_DIGITS]), res_inst_id[-_DIGITS:]
        if pool is None or not n.isdigit() or int(n) >= pool.size:
            return None
        return self._touch(pool, int(n))

    def free_count(self, area: str, res_type: str, bureau: str | None = None) -> int:
        """How many are free."""
        return sum(pool.free for pool in self._pools(area, res_type, bureau))

    def choose(self, area: str, res_type: str, quantity: int, rule: dict[str, Any] | None = None) -> list[Resource]:
        """Up to ``quantity`` free instances that fit ``rule`` (``SelectionRule``), none of them changed yet.

        Without a bureau (or with one the plant does not know) the bureaus of the area take turns.
        """
        rule = rule or {}
        pools = self._pools(area, res_type, self.bureau_of(area, res_type, rule))
        if not pools:
            return []
        if "pattern" in rule or "device" in rule:
            return self._matching(pools, quantity, rule)
        start = self._next_bureau.get((area, res_type), 0)
        self._next_bureau[area, res_type] = start + 1
        chosen: list[Resource] = []
        for turn in range(len(pools)):
            self._take_free(pools[(start + turn) % len(pools)], quantity - len(chosen), chosen)
            if len(chosen) == quantity:
                break
        return chosen

    def bureau_of(self, area: str, res_type: str, rule: dict[str, Any]) -> str | None:
        """The bureau a rule keeps to, or None where it names none the plant knows."""
        bureau = rule.get("bureau") or rule.get("address", {}).get("bureau")
        return bureau if any(pool.bureau == bureau for pool in self.pools.get((area, res_type), [])) else None

    def fits(self, resource: Resource, area: str, res_type: str, rule: dict[str, Any]) -> bool:
        """Whether ``choose`` could have chosen ``resource`` (free or not) for this rule."""
        if (resource.area, resource.type) != (area, res_type):
            return False
        if self.bureau_of(area, res_type, rule) not in (None, resource.bureau):
            return False
        return fnmatchcase(resource.code, "*" + rule.get("pattern", "*")) and rule.get("device") in (None, resource.device)

    def bring_into_service(
        self, area: str, res_type: str, quantity: int, now: int, bureau: str | None = None
    ) -> list[Resource]:
        """在建 → 空闲 of up to ``quantity`` instances, the first ones first."""
        taken: list[Resource] = []
        for pool in self._pools(area, res_type, bureau):
            while len(taken) < quantity and pool.built < pool.row.building:
                resource = self._touch(pool, pool.row.count + pool.built)
                pool.built += 1
                if resource.state == BUILDING:
                    self.move(resource, "into_service", now)
                    taken.append(resource)
        return taken

    def take_freed(self) -> list[Resource]:
        """What has become free since this was asked last, in order (some may be taken again): it feeds the waiting list."""
        freed, self._freed = self._freed, []
        return freed

    def put_up(self, resources: list[Resource]) -> None:
        """Free ones somebody has chosen go to whoever waits best for them."""
        self.put_back(resources)
        self._freed += resources

    def peek(self, area: str, res_type: str, quantity: int, bureau: str) -> list[Resource]:
        """Up to ``quantity`` free instances of a bureau in the order they would be chosen; nothing is changed."""
        found: dict[str, Resource] = {}
        for pool in self._pools(area, res_type, bureau):
            fresh = (pool.instance_id(n) for n in range(pool.fresh, pool.row.count))
            for n, res_inst_id in enumerate(chain(fresh, pool.back), pool.fresh):
                if len(found) == quantity:
                    break
                resource = self.resources.get(res_inst_id) or pool.create(n)
                if resource.state == FREE:
                    found[resource.id] = resource
        return list(found.values())

    def move(self, resource: Resource, move: str, now: int, version: int | None = None) -> None:
        """Make ``move`` of the state table, keeping free counts and the instance index true.

        ``version``, where given, is the compare of compare-and-set.  Raises IllegalMove, LookupError on another version.
        """
        if version is not None and version != resource.version:
            raise LookupError(f"资源已被他人改变 / resource changed meanwhile: {resource.id}")
        was = resource.state
        resource.state = states().after(resource.id, was, move, resource.previous)
        resource.previous, resource.since, resource.version = was, now, resource.version + 1
        pool = self._prefixes[resource.id[:-_DIGITS]]
        if was == FREE:
            pool.free -= 1
        if resource.state == FREE:
            pool.free += 1
            pool.back.append(resource.id)
            self._freed.append(resource)
            self.serve(resource, None)
            resource.reservation = resource.order = None

    def serve(self, resource: Resource, instance: str | None) -> None:
        """Say which product instance ``resource`` serves from now on (None: none)."""
        if resource.instance is not None:
            left = tuple(name for name in self.in_use.get(resource.instance, ()) if name != resource.id)
            if left:
                self.in_use[resource.instance] = left
            elif resource.instance in self.in_use:
                del self.in_use[resource.instance]
        resource.instance = instance
        if instance is not None:
            self.in_use[instance] = (*self.in_use.get(instance, ()), resource.id)

    def serving(self, instance: str) -> list[Resource]:
        """What serves a product instance or is meant for it, in the order it came."""
        return [self.resources[name] for name in self.in_use.get(instance, ())]

    def settle(self) -> None:
        """See ``Archive``."""
        self.resources.settle()
        self.in_use.settle()

    def _pools(self, area: str, res_type: str, bureau: str | None) -> list[Pool]:
        pools = self.pools.get((area, res_type), [])
        return [pool for pool in pools if pool.bureau == bureau] if bureau else pools

    def _touch(self, pool: Pool, n: int) -> Resource:
        resource = self.resources.get(pool.instance_id(n))
        if resource is None:
            resource = pool.create(n)
            self.resources[resource.id] = resource
        return resource

    def _unpacked(self, res_inst_id: str, row: list[Any]) -> Resource:
        """What does not change about an instance its pool tells."""
        resource = self._prefixes[res_inst_id[:-_DIGITS]].create(int(res_inst_id[-_DIGITS:]))
        for name, value in zip(_CHANGING, row, strict=True):
            setattr(resource, name, value)
        return resource

    def _take_free(self, pool: Pool, quantity: int, into: list[Resource]) -> None:
        """Pop free ones off the pool. They leave its queues: a caller who does not hold them calls ``put_back``."""
        wanted = len(into) + quantity
        while len(into) < wanted and pool.fresh < pool.row.count:
            resource = self._touch(pool, pool.fresh)
            pool.fresh += 1
            if resource.state == FREE and resource not in into:
                into.append(resource)
        while len(into) < wanted and pool.back:
            resource = self.resources[pool.back.popleft()]
            if resource.state == FREE and resource not in into:
                into.append(resource)

    def put_back(self, resources: list[Resource]) -> None:
        """Return chosen ones that were not held after all; they are next again."""
        for resource in reversed(resources):
            if resource.state == FREE:
                self._prefixes[resource.id[:-_DIGITS]].back.appendleft(resource.id)

    def _matching(self, pools: list[Pool], quantity: int, rule: dict[str, Any]) -> list[Resource]:
        device, found = rule.get("device"), list[Resource]()
        fits = re.compile(translate("*" + rule.get("pattern", "*"))).match
        for pool in pools:
            for n in pool.numbers_on(device):
                if not fits(pool.code_of(n)):  # a pattern may fit none of half a million: nothing more is made of those
                    continue
                resource = pool.create(n)
                resource = self.resources.get(resource.id, resource)
                if resource.state == FREE:
                    self.resources[resource.id] = resource
                    found.append(resource)
                    if len(found) == quantity:
                        return found
        return found


_RESOURCES = 3
"""Resources at hand for each reservation at hand: those of its holds."""
_CHANGING = ("state", "previous", "since", "reservation", "order", "instance", "version")
"""What is kept of an instance."""


def _packed(resource: Resource) -> list[Any]:
    return [getattr(resource, name) for name in _CHANGING]


def _type_row(row: dict[str, Any], scale: float) -> TypeRow:
    known: dict[str, Any] = load().table("resource_types").rows[row["code"]].extra
    reason = load().table("reasons").rows[row["shortage"]]
    return TypeRow(
        code=row["code"],
        role=known["role"],
        key=row["key"],
        count=max(1, round(row["count"] * scale)),
        building=row.get("building", 0),
        code_format=row["code_format"],
        device_format=row.get("device_format", ""),
        quarantine_days=known["quarantine_days"],
        shortage={"type": str(reason.extra["type"]), "code": reason.code, "text": reason.zh},
    )


def load_table() -> dict[str, Any]:
    """The plant table as shipped."""
    return tomllib.loads((files("simulators.rm") / "plant.toml").read_text("utf-8"))
