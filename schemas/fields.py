"""What every field of every message means, in both languages: ``fields.toml`` read and checked against the schemas.

XSDs that are released are never edited, so the texts people read stand beside them; ``bssgw docs build`` prints them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.loader import RECEIPT, RELEASE, Catalogue, UnknownName
from schemas.rows import SchemaDataError, read_toml
from schemas.shape import ListOf, Shape, ShapeReader, Struct

FIELDS = "fields.toml"
PACKAGE = "Package"
RESULTS = "results"
"""The table of result codes, which the catalogue keeps apart from the others."""


@dataclass(frozen=True, slots=True)
class FieldText:
    """What a field means, in Chinese and English; ``table`` is the code table of its values, where it has one."""

    zh: str
    en: str
    table: str = ""


class FieldTexts:
    """Texts by name and, where a name means several things, by ``Owner.name``."""

    def __init__(self, texts: dict[str, FieldText]) -> None:
        self.texts = texts

    def key(self, owner: str, name: str) -> str | None:
        """Which row says what ``name`` means inside ``owner``; None if none does."""
        return next((key for key in (f"{owner}.{name}", name) if key in self.texts), None)

    def of(self, owner: str, name: str) -> FieldText:
        """The text of a field. Raises LookupError for one without."""
        key = self.key(owner, name)
        if key is None:
            raise LookupError(f"字段 {owner}.{name} 没有说明 / field {owner}.{name} has no text")
        return self.texts[key]


def read_fields(catalogue: Catalogue, section: str = "fields") -> FieldTexts:
    """The texts of this installation: of fields, or of ``timers``. Raises SchemaDataError naming the row."""
    texts: dict[str, FieldText] = {}
    for name, row in read_toml(catalogue.root / FIELDS).get(section, {}).items():
        if not isinstance(row, list) or len(row) not in (2, 3) or not all(isinstance(part, str) and part for part in row):
            raise SchemaDataError(f"{FIELDS} [{name}]", "须为 [中文, 英文, 代码表]", "must be [Chinese, English, code table]")
        texts[name] = FieldText(*row)
    return FieldTexts(texts)


def package_shape(catalogue: Catalogue, version: str = RELEASE) -> Shape:
    """The tree of the native envelope. Raises UnknownName."""
    shape = ShapeReader(catalogue.xsd_path(""), (catalogue.version(version).xsd,)).element(PACKAGE)
    if shape is None:
        raise UnknownName("模式中没有", "the schema does not define", PACKAGE)
    return shape


def owners(shape: Shape, owner: str) -> Iterator[tuple[str, str]]:
    """Every field below ``shape`` as (owner, name): the owner is the named type, or the path from the element."""
    if isinstance(shape, ListOf):
        yield from owners(shape.item, shape.type_name or owner)
    elif isinstance(shape, Struct):
        own = shape.type_name or owner
        for field in shape.fields:
            yield own, field.name
            yield from owners(field.shape, f"{own}.{field.name}")


def field_findings(catalogue: Catalogue) -> Iterator[tuple[str, str, str]]:
    """Findings (where, Chinese, English): fields without text, texts without field, tables that are none."""
    texts = read_fields(catalogue)
    used: dict[str, None] = {}
    shapes = [(element, catalogue.shape(element, row.version)) for row in catalogue.messages() for element in row.elements()]
    told: dict[str, None] = {}
    for element, shape in [*shapes, (RECEIPT, catalogue.shape(RECEIPT)), (PACKAGE, package_shape(catalogue))]:
        for owner, name in owners(shape, element):
            key = texts.key(owner, name)
            if key is not None:
                used[key] = None
            elif f"{owner}.{name}" not in told:
                told[f"{owner}.{name}"] = None
                yield f"{FIELDS} [{owner}.{name}]", "该字段没有说明", "this field has no text"
    tables = [RESULTS, *(table.name for table in catalogue.tables())]
    for key, text in texts.texts.items():
        if key not in used:
            yield f"{FIELDS} [{key}]", "没有报文含此字段", "no message has this field"
        if not any("\u4e00" <= character <= "\u9fff" for character in text.zh) or not text.en.isascii():
            yield f"{FIELDS} [{key}]", "缺少中文或英文", "Chinese and English texts are both needed"
        if text.table and text.table not in tables:
            yield f"{FIELDS} [{key}]", f"没有代码表 {text.table}", f"there is no code table {text.table}"
