"""How bad the simulated network is: what may happen to connects and writes, and how often (see ``network``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How bad the network is. Times are seconds; rates are probabilities, ``refuse`` of a connect, others of a write.

    ``latency`` is what every write takes, ``grain`` what arrivals are rounded up to: a coarser one makes more happen at
    one instant, as under load, and a run cheaper. ``slow`` is the rate of writes that take up to ``slow_by`` more.
    ``split`` cuts a write into up to four pieces that arrive apart, ``merge`` lets it arrive together with what is under
    way, ``garble`` changes one byte, ``duplicate`` delivers it twice. ``reset`` breaks the connection and drops what is in
    flight; ``half_open`` lets it swallow everything from this write on, until it is reset ``half_open_for`` later.
    """

    latency: tuple[float, float] = (0.001, 0.001)
    grain: float = 0.0
    slow: float = 0.0
    slow_by: float = 2.0
    split: float = 0.0
    merge: float = 0.0
    garble: float = 0.0
    duplicate: float = 0.0
    reset: float = 0.0
    half_open: float = 0.0
    half_open_for: tuple[float, float] = (1.0, 200.0)
    refuse: float = 0.0

    @property
    def harmless(self) -> bool:
        """Whether nothing is ever drawn at a write, so that a constant latency costs no entropy."""
        rates = (self.slow, self.split, self.merge, self.garble, self.duplicate, self.reset, self.half_open)
        return not any(rates) and self.latency[0] == self.latency[1]


PERFECT = FaultPlan()
"""A network without faults and with a latency of one millisecond."""
