"""The one loader: catalogue, code tables, layouts, envelopes, shapes and compiled schemas of the interface (spec 02, 01.1.2).

``load()`` reads once a process; compiled schema sets and shapes are built on first use and kept.  One schema set serves a
version: an in-memory driver imports the envelope's XSD and includes every message XSD, so that a whole document is
validated in one pass and named types are unique over all files.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from lxml import etree

from schemas.model import CodeTable, EnvelopeRow, EnvelopeVersion, LayoutRow, MessageRow, ResultCode
from schemas.rows import (
    SchemaDataError,
    read_envelope,
    read_layout,
    read_messages,
    read_results,
    read_table,
)
from schemas.shape import Shape, ShapeReader, Struct

RELEASE = "0.9"
RECEIPT = "Receipt"
RECEIPT_XSD = "types/common.xsd"
NATIVE = "package"
HEADER_TYPE = "HeaderType"
_XS = "http://www.w3.org/2001/XMLSchema"


class UnknownName(LookupError):
    """Nobody knows this name in the catalogue; the text says so in both languages."""

    def __init__(self, zh: str, en: str, name: object) -> None:
        super().__init__(f"{zh}：{name} / {en}: {name}")


class Catalogue:
    """Everything the program knows about messages, codes, layouts and envelopes; rows are looked up, never restated."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._messages: dict[tuple[str, str], MessageRow] = {}
        self._elements: dict[tuple[str, str], MessageRow] = {}
        self._tables: dict[str, CodeTable] = {}
        self._results: dict[str, ResultCode] = {}
        self._schemas: dict[str, etree.XMLSchema] = {}
        self._shapes: dict[str, ShapeReader] = {}
        self._headers: dict[str, Struct] = {}
        self._layouts = {row.name: row for row in map(read_layout, sorted(root.glob("layouts/*.toml")))}
        self._envelopes = {row.name: row for row in map(read_envelope, sorted(root.glob("envelopes/*.toml")))}
        self._versions = {version.version: version for version in self.envelope(NATIVE).versions}
        self._read_messages()
        self._read_codes()

    def _read_messages(self) -> None:
        for path in sorted(self.root.glob("catalogue/*.toml")):
            for row in read_messages(path):
                where = f"{path.name} [{row.code}]"
                if (row.code, row.version) in self._messages:
                    raise SchemaDataError(where, "报文编码重复", "this code stands twice")
                self._messages[row.code, row.version] = row
                for element in row.elements():
                    if (element, row.version) in self._elements:
                        raise SchemaDataError(where, f"元素 {element} 重复", f"element {element} belongs to two rows")
                    self._elements[element, row.version] = row

    def _read_codes(self) -> None:
        for path in sorted(self.root.glob("codes/*.toml")):
            if path.stem == "results":
                for result in read_results(path):
                    for name in (result.code, result.symbol):
                        if name in self._results:
                            raise SchemaDataError(path.name, f"结果码 {name} 重复", f"result {name} stands twice")
                        self._results[name] = result
            else:
                table = read_table(path)
                if table.name in self._tables:
                    raise SchemaDataError(path.name, f"代码表 {table.name} 重复", f"table {table.name} stands twice")
                self._tables[table.name] = table

    # rows ---------------------------------------------------------------------------------------------------------

    def message(self, code: str, version: str = RELEASE) -> MessageRow:
        """The row of a message code, e.g. ``OH01``. Raises UnknownName (a LookupError)."""
        row = self._messages.get((code, version))
        if row is None:
            raise UnknownName("未知的报文编码", "unknown message code", code)
        return row

    def messages(self) -> tuple[MessageRow, ...]:
        """Every row, in the order of files and rows."""
        return tuple(self._messages.values())

    def by_element(self, name: str, version: str = RELEASE) -> MessageRow:
        """The row that owns a body element: the message's name or its answer's. Raises UnknownName."""
        row = self._elements.get((name, version))
        if row is None:
            raise UnknownName("未知的报文元素", "unknown body element", name)
        return row

    def for_event(self, event_name: str) -> tuple[MessageRow, ...]:
        """Rows that are sent when the core says ``event_name`` (their ``on``)."""
        return tuple(row for row in self._messages.values() if event_name in row.on)

    def for_command(self, name: str) -> tuple[MessageRow, ...]:
        """Rows that become the core's command ``name`` when they arrive."""
        return tuple(row for row in self._messages.values() if row.command == name)

    def layout(self, name: str) -> LayoutRow:
        """A packet header layout (spec 01.1.2). Raises UnknownName."""
        if name not in self._layouts:
            raise UnknownName("未知的包头格式", f"unknown layout (known: {', '.join(self._layouts)})", name)
        return self._layouts[name]

    def layouts(self) -> tuple[LayoutRow, ...]:
        """Every layout, by name."""
        return tuple(self._layouts.values())

    def envelope(self, name: str) -> EnvelopeRow:
        """An envelope (spec 01.2). Raises UnknownName."""
        if name not in self._envelopes:
            raise UnknownName("未知的封装", f"unknown envelope (known: {', '.join(self._envelopes)})", name)
        return self._envelopes[name]

    def envelopes(self) -> tuple[EnvelopeRow, ...]:
        """Every envelope, by name."""
        return tuple(self._envelopes.values())

    def table(self, name: str) -> CodeTable:
        """A code table (spec 03). Raises UnknownName."""
        if name not in self._tables:
            raise UnknownName("未知的代码表", f"unknown code table (known: {', '.join(self._tables)})", name)
        return self._tables[name]

    def tables(self) -> tuple[CodeTable, ...]:
        """Every code table but the result codes, by name."""
        return tuple(self._tables.values())

    def result(self, code_or_symbol: str) -> ResultCode:
        """A result code by number (``3004``) or by symbol (``STATE_CONFLICT``). Raises UnknownName."""
        if code_or_symbol not in self._results:
            raise UnknownName("未知的结果码", "unknown result code", code_or_symbol)
        return self._results[code_or_symbol]

    def results(self) -> tuple[ResultCode, ...]:
        """Every result code once, in file order."""
        return tuple({row.code: row for row in self._results.values()}.values())

    # schemas ------------------------------------------------------------------------------------------------------

    def versions(self) -> tuple[str, ...]:
        """Schema versions the native envelope carries (else 1004)."""
        return tuple(self._versions)

    def version(self, version: str = RELEASE) -> EnvelopeVersion:
        """Namespaces and XSD of one schema version. Raises UnknownName."""
        if version not in self._versions:
            raise UnknownName("不支持的版本", "unsupported schema version", version)
        return self._versions[version]

    def xsd_path(self, relative: str) -> Path:
        """File of an XSD named as in a row, e.g. ``orders/DispatchOrder.xsd``."""
        return self.root / "xsd" / relative

    def xsd_files(self, version: str = RELEASE) -> tuple[str, ...]:
        """The message XSDs of a version (relative, as in the rows), receipts' XSD first."""
        named = [RECEIPT_XSD, *(row.xsd for row in self._messages.values() if row.version == version)]
        return tuple(dict.fromkeys(named))

    def driver(self, version: str = RELEASE, xsds: tuple[str, ...] | None = None) -> str:
        """The in-memory schema that ties envelope and messages (all, or ``xsds``) of a version together."""
        row = self.version(version)
        includes = "".join(f'<xs:include schemaLocation="{name}"/>' for name in xsds or self.xsd_files(version))
        return (
            f'<xs:schema xmlns:xs="{_XS}" targetNamespace="{row.message_namespace}">'
            f'<xs:import namespace="{row.namespace}" schemaLocation="{row.xsd}"/>{includes}</xs:schema>'
        )

    def schema(self, version: str = RELEASE) -> etree.XMLSchema:
        """The compiled schema set of a version, for whole documents and for bare body elements alike."""
        found = self._schemas.get(version)
        if found is None:
            base = self.xsd_path("driver.xsd").as_uri()
            try:
                found = etree.XMLSchema(etree.fromstring(self.driver(version), base_url=base))
            except etree.XMLSchemaParseError as fault:
                raise SchemaDataError("xsd", f"模式无法编译：{fault}", f"schemas do not compile: {fault}") from fault
            self._schemas[version] = found
        return found

    def shape(self, element: str, version: str = RELEASE) -> Shape:
        """The tree of a body element or of ``Receipt`` (see schemas.shape). Raises UnknownName."""
        reader = self._shapes.get(version)
        if reader is None:
            try:
                reader = ShapeReader(self.root / "xsd", self.xsd_files(version))
            except (OSError, etree.XMLSyntaxError) as fault:
                raise SchemaDataError("xsd", f"模式无法读取：{fault}", f"a schema cannot be read: {fault}") from fault
            self._shapes[version] = reader
        shape = reader.element(element)
        if shape is None:
            raise UnknownName("未知的报文元素", "unknown body element", element)
        return shape

    def header(self, version: str = RELEASE) -> Struct:
        """The tree of the native envelope's Header (see schemas.shape). Raises UnknownName."""
        found = self._headers.get(version)
        if found is None:
            shape = ShapeReader(self.root / "xsd", (self.version(version).xsd,)).type(HEADER_TYPE)
            if not isinstance(shape, Struct):
                raise UnknownName("未知的类型", "unknown type", HEADER_TYPE)
            found = self._headers[version] = shape
        return found

    def samples(self, name: str) -> tuple[Path, ...]:
        """Sample documents of the message ``name``, sorted: ``bad_*.xml`` before ``ok_*.xml``."""
        return tuple(sorted((self.root / "samples" / name).glob("*.xml")))


def layouts_in(folder: Path | None) -> tuple[LayoutRow, ...]:
    """The header layouts of an operator's own folder, in the order of file names; none without a folder.

    Raises SchemaDataError naming file and field, also where a name is one that ships.
    """
    if folder is None:
        return ()
    rows: dict[str, LayoutRow] = {}
    shipped = [row.name for row in load().layouts()]
    for path in sorted(folder.glob("*.toml")):
        row = read_layout(path)
        if row.name in rows or row.name in shipped:
            raise SchemaDataError(path.name, f"布局名 {row.name} 已有", f"there is a layout {row.name} already")
        rows[row.name] = row
    return tuple(rows.values())


_SHIPPED = Path(str(files("schemas"))).resolve()


@cache
def _load(root: Path) -> Catalogue:
    return Catalogue(root)


def load(root: Path | str | None = None) -> Catalogue:
    """The catalogue of this installation, or of the folder ``root`` (tests). Read once a process and root.

    Raises SchemaDataError naming file and row.
    """
    return _load(_SHIPPED if root is None else Path(root).resolve())
