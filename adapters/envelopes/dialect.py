"""A peer's manner of speaking, as its row says it: its names, codes and fields around the same documents (spec 02.2, 05).

Whoever reads rows (the gateway's configuration, a simulator's settings) fills one in; envelopes read it and know no peer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FieldMap:
    """One element of a body under the peer's name: ``name`` (None: as ours), ``values`` ours -> theirs, ``default`` what is
    understood where the peer leaves it out; ``omit``: the peer does not take it."""

    name: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    default: str | None = None
    omit: bool = False


@dataclass(frozen=True, slots=True)
class BodyMap:
    """A body under the peer's names: its ``element``, and fields by our path (``items/item/action``), in the peer's order."""

    element: str | None = None
    fields: dict[str, FieldMap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs from the envelope's row for one peer.

    ``own`` and ``peer`` are system ids; ``systems`` and ``areas`` map ours -> theirs, ``codes`` message codes likewise,
    ``results`` the peer's result codes -> ours, ``results_out`` ours -> the peer's.  ``fields`` gives values of fields
    without a role by path or last name.  ``inner`` overrides the envelope's (``body``, ``package``, ``json`` or ``soo``).
    ``bodies`` are field maps by our element's name.  With a ``secret``, what comes without it is refused (2003); with
    ``signed`` it keys the digest (2005).  ``datetimes``: points in time as ``compact`` fourteen digits or ``xs``.
    """

    own: str = ""
    peer: str = ""
    version: str = "0.9"
    mode: str = "A"
    inner: str | None = None
    systems: dict[str, str] = field(default_factory=dict)
    areas: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    results_out: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, BodyMap] = field(default_factory=dict)
    user: str = ""
    secret: str = field(default="", repr=False)
    signed: bool = False
    datetimes: str = "compact"


def mirrored(dialect: Dialect) -> Dialect:
    """The same manner of speaking from the other side: what they send is what we read."""
    back = {ours: theirs for theirs, ours in dialect.results.items()}
    results = {theirs: ours for ours, theirs in dialect.results_out.items()}
    return replace(dialect, results=results, results_out=back)


PLAIN = Dialect()
"""Nothing differs."""
