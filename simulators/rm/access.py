"""What an address can be served with: access modes by end, from the plant and ``access.toml`` (spec 5.1, 5.2)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from zlib import crc32

from simulators.brain import Body
from simulators.rm.ledger import Refused
from simulators.rm.plant import Plant

NUMBER = "NUMBER"


@dataclass(frozen=True, slots=True)
class Mode:
    """An access mode: what one unit of it needs at an end, its reach in metres, its days and costs (分)."""

    code: str
    products: frozenset[str]
    types: tuple[str, ...]
    reach_m: int
    lead_days: int
    build_days: int
    one_off_cost: int
    costs: dict[str, int]
    build: str


@dataclass(frozen=True, slots=True)
class End:
    """One end served by a mode out of a bureau: ``free`` units are possible now, ``types`` are needed for each."""

    mode: Mode
    area: str
    bureau: str
    types: tuple[str, ...]
    free: int
    distance_m: int


@cache
def access_table() -> dict[str, Any]:
    """The table as shipped."""
    return tomllib.loads((files("simulators.rm") / "access.toml").read_text("utf-8"))


class Access:
    """Looks ends up; nothing is changed by looking."""

    def __init__(self, plant: Plant, families: Mapping[str, str] | None = None) -> None:
        """``families``: further products, by code, each served as its family is."""
        self.plant = plant
        table = access_table()

        def alike(products: list[str]) -> list[str]:
            return [*products, *(code for code, family in (families or {}).items() if family in products)]

        self.table = {**table, "numbered": alike(table["numbered"])}
        self.modes = {
            row["code"]: Mode(**row | {"products": frozenset(alike(row["products"])), "types": tuple(row["types"])})
            for row in self.table["mode"]
        }

    def serving(self, product: str) -> list[Mode]:
        """Modes that can carry a product. Raises Refused: none can (3019)."""
        found = [mode for mode in self.modes.values() if product in mode.products]
        if not found:
            raise Refused("NO_PROCESS")
        return found

    def bureaus(self, address: Body) -> list[str]:
        """Bureaus that may serve an address: its own, or all of its area. Raises Refused: not covered (3022)."""
        known = self.plant.bureaus(address["area"])
        found = [bureau for bureau in known if bureau == address["bureau"]] if "bureau" in address else known
        if not found:
            raise Refused("ADDRESS_NOT_COVERED")
        return found

    def ends(self, mode: Mode, address: Body, numbered: bool) -> list[End]:
        """The ends within reach of ``address``, best first: most free, then nearest, then by name of the bureau."""
        types = (*mode.types, NUMBER) if numbered else mode.types
        found = []
        for bureau in self.bureaus(address):
            distance = self.distance(address, bureau)
            if distance > mode.reach_m:
                continue
            counts = [self.plant.free_count(address["area"], kind, bureau) for kind in types]
            found.append(End(mode, address["area"], bureau, types, min(counts, default=99_999_999), distance))
        return sorted(found, key=lambda end: (-end.free, end.distance_m, end.bureau))

    def distance(self, address: Body, bureau: str) -> int:
        """Metres of line between an address and a bureau: always the same for the same address."""
        low, high = self.table["distance_m"]
        return int(low + crc32(f"{address['text']}|{bureau}".encode()) % (high - low))
