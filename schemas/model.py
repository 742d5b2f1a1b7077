"""Rows of the vocabulary as frozen values.

Everything a program may know about a message, a layout, a code or an envelope stands in one of these rows (loaded from
``catalogue/ layouts/ codes/ envelopes/``); code reads rows and never restates them.  Spec 02 (rows), 01.1.2 (layouts).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Pattern = Literal["Q", "C", "N"]
"""Q request and answer, C command with receipt now and one result later, N notification with receipt (spec 02)."""

Category = Literal["ok", "accepted", "duplicate", "rejected", "retry", "fatal"]
"""What logic reads of a result code (spec 02.2)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One direction a message travels: roles of spec README, e.g. ``Route("CRM", "PF")``."""

    sender: str
    receiver: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of the interface (spec 02).

    ``key`` names the body fields of the business key (dotted, lists implied; empty: the message has none); ``order_key``
    the field whose value keeps messages in sequence (spec 06.1 promise 3).  ``after`` names the messages it usually follows,
    besides the commands whose ``result`` it is (none: it begins by itself).  ``command`` names the core's command an inbound
    message becomes; ``on`` the core's event an outbound message is made of; ``asked`` the core's command by which a person
    has it sent; ``on_receipt`` the command that hears what its receipt said, ``on_answer`` the one that hears the answer of a Q
    the CRM asked.  What is ``of_link`` is about the very link it comes on, and never handed on.  Limits are seconds;
    ``result_clock`` says whether ``result_limit`` runs on the ``elapsed`` clock or on ``working`` hours.
    """

    code: str
    name: str
    zh: str
    clause: str
    about: str
    about_zh: str
    pattern: Pattern
    routes: tuple[Route, ...]
    xsd: str
    version: str = "0.9"
    answer: str | None = None
    result: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    order_key: str | None = None
    read_only: bool = False
    of_link: bool = False
    refusals: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ("socket", "soap", "http")
    receipt_timer: int = 15
    answer_timer: int = 60
    result_limit: int | None = None
    result_clock: Literal["elapsed", "working"] = "elapsed"
    command: str | None = None
    on: tuple[str, ...] = ()
    asked: str | None = None
    on_receipt: str | None = None
    on_answer: str | None = None

    @property
    def receivers(self) -> str:
        """The roles that take it, for people."""
        return "/".join({route.receiver: None for route in self.routes})

    def elements(self) -> tuple[str, ...]:
        """Names of the body elements this row owns: the message and, for Q, its answer."""
        return (self.name,) if self.answer is None else (self.name, self.answer)


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One value of a code table with its texts in both languages; ``extra`` holds the table's further columns."""

    code: str
    zh: str
    en: str
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A versioned code table (spec 03): ``rows`` in file order, by code."""

    name: str
    zh: str
    en: str
    version: str
    rows: dict[str, CodeRow]


@dataclass(frozen=True, slots=True)
class ResultCode:
    """A result code of spec 02.2: number on our wire, symbol in code, category for logic, texts for people."""

    code: str
    symbol: str
    category: Category
    zh: str
    en: str


FieldKind = Literal["text", "decimal", "hex", "binary-be", "binary-le"]
LengthCounts = Literal["packet", "body", "rest"]


@dataclass(frozen=True, slots=True)
class LayoutField:
    """A header field: byte ``offset`` and ``width``, how it is written and padded, and the ``role`` it plays.

    Roles: magic, version, length, kind, code, sender, receiver, area, serial, send_time, mode, charset, more, segment,
    result, text, ttl, checksum, password, body, filler.  ``values`` maps our values to the wire's (e.g. kind ``request`` ->
    ``0``; of several with one form on the wire the first is read); ``constant`` is what a filler or magic always holds, or a
    serial that says nothing.  ``heartbeat`` is the value that makes the packet a heartbeat where this is no kind field.
    """

    name: str
    offset: int
    width: int
    kind: FieldKind = "text"
    pad: str = " "
    role: str = "filler"
    constant: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    heartbeat: str = ""
    about: str = ""
    about_zh: str = ""


@dataclass(frozen=True, slots=True)
class LayoutRow:
    """A packet header layout as data (spec 01.1.2).

    ``framing`` is ``header`` (fixed header with a length field, which may be the whole header) or ``delimiter``
    (``newline``).  ``length_counts`` says what the length field counts: the whole ``packet``, the ``body``, or the ``rest``
    behind the length field; ``length_adds`` what it says besides (negative: less).  ``body_max`` bounds the body of one
    packet where the format does (0: only the packet's limit).  ``answer`` is what every answer's body begins with, with
    ``{result}`` for the four digits of the result code; all it says where what follows has no room.  ``envelope`` names the one
    that what a header encloses is written in.
    """

    name: str
    zh: str
    about: str
    framing: Literal["header", "delimiter"]
    header_size: int
    fields: tuple[LayoutField, ...]
    length_counts: LengthCounts = "packet"
    length_adds: int = 0
    body_max: int = 0
    answer: str = ""
    envelope: str = ""
    delimiter: str = ""
    default_max: int = 1 << 20
    about_zh: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeVersion:
    """One schema version an envelope carries: its own XSD and namespace, and the namespace of the messages inside."""

    version: str
    xsd: str
    namespace: str
    message_namespace: str


@dataclass(frozen=True, slots=True)
class EnvelopeField:
    """A field of a foreign envelope (spec 01.2, 05): where it stands and the ``role`` it plays.

    ``path`` is element names below the root (of ``part``, where the envelope has several).  Roles: code, code2 (second half of
    a routing key), serial, sender, sender_org, receiver, receiver_org, area, send_time, version, mode, ref_serial, kind
    (``values`` for request and answer), result, result_type, result_text, user, secret, sign, content, group, group_total,
    group_at (one package of several); an empty role is a value of the peer row or the ``constant``, which may name others in
    braces (``{code2}20110601``).  ``on`` says in what it is written; ``required`` is what input may not lack; ``echo``: an
    answer repeats what the request says there, unless its role says it anew.
    """

    path: str
    role: str = ""
    part: str = ""
    on: Literal["both", "request", "answer"] = "both"
    required: bool = False
    width: int = 0
    echo: bool = False
    constant: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    about: str = ""
    about_zh: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeLine:
    """What a line of text says of one body ``element``: key -> path in the body (of a list, its first), in the line's order.

    ``defaults`` are values understood where a key is left out; ``spare`` keys an answer may do without when it has no room,
    the last first; ``words`` the key whose text is for people, cut to what room there is.
    """

    element: str
    pairs: dict[str, str]
    defaults: dict[str, str] = field(default_factory=dict)
    spare: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class EnvelopeOperation:
    """An atomic operation a message may be written as, one or several in one message (spec 05.1 SOO).

    ``type`` is its name without ``_REQ_TYPE`` or ``_RES_TYPE``, ``element`` what holds its fields.  ``at`` says which part of
    the body of ``message`` (our code) it carries: empty, the body without what others carry; else a list, one operation an
    entry.  ``creates`` is the element that gives what it makes a temporary id, which stands for the field ``key``; ``refers``
    elements that name what an operation of a type made.  ``head`` and ``answer_head`` are elements of a query's head for fields
    of request and answer; ``by`` says which field PARAM holds for each QRY_TYPE.
    """

    type: str
    message: str
    element: str
    at: str = ""
    creates: str = ""
    key: str = ""
    refers: dict[str, str] = field(default_factory=dict)
    head: dict[str, str] = field(default_factory=dict)
    by: dict[str, str] = field(default_factory=dict)
    answer_head: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnvelopeFunction:
    """A function that may stand for a value: it finds in ``table`` the ``column`` of what matches its arguments, which are
    columns ``by`` position (empty: not looked at).  Nothing found, or two, is the result ``unknown`` (spec 05.1)."""

    name: str
    table: Literal["customer", "product_instance"]
    column: str
    by: tuple[str, ...]
    unknown: str


@dataclass(frozen=True, slots=True)
class EnvelopeRow:
    """An envelope of spec 01.2: its root element and the schema versions it carries (empty for foreign envelopes).

    Foreign ones are ``fields`` of one XML document (``shape`` tree) or of documents in form fields ``parts`` (form), or no XML
    at all (line): ``key=value`` pairs between ``separator``, in at most ``room`` bytes, as ``lines`` say for each body; answers
    begin with ``result``, which holds ``{result}``.  ``inner``
    says what the content holds, the bare ``body`` or a whole ``package``; ``content`` how it stands there.  ``serial`` composes
    a serial narrower than ours out of ``{sender} {date} {sequence}``.  ``codes`` are message codes ours -> theirs, which must
    match ``code_pattern``; ``result_out`` our result codes or categories -> theirs, ``result_in`` the way back,
    ``result_types`` the same for their kind of result, ``type_results`` the way back where the code itself says nothing.
    """

    name: str
    zh: str
    about: str
    root: str
    versions: tuple[EnvelopeVersion, ...] = ()
    shape: Literal["native", "tree", "form", "line"] = "native"
    namespace: str = ""
    parts: tuple[str, ...] = ()
    fields: tuple[EnvelopeField, ...] = ()
    inner: Literal["body", "package"] = "body"
    content: Literal["element", "cdata", "text"] = "cdata"
    failure_content: bool = True
    serial: str = ""
    code_pattern: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    result_out: dict[str, str] = field(default_factory=dict)
    result_in: dict[str, str] = field(default_factory=dict)
    result_types: dict[str, str] = field(default_factory=dict)
    type_results: dict[str, str] = field(default_factory=dict)
    about_zh: str = ""
    operations: tuple[EnvelopeOperation, ...] = ()
    functions: tuple[EnvelopeFunction, ...] = ()
    lines: tuple[EnvelopeLine, ...] = ()
    separator: str = ""
    room: int = 0
    result: str = ""

    def playing(self, role: str) -> EnvelopeField | None:
        """The first field that plays ``role``."""
        return next((one for one in self.fields if one.role == role), None)
