"""Texts of fields: every field has one, and a wrong row is found."""

import shutil
from pathlib import Path

import pytest

from schemas.fields import FIELDS, field_findings, read_fields
from schemas.loader import Catalogue, load
from schemas.rows import SchemaDataError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "schemas"
    shutil.copytree(load().root, root, ignore=shutil.ignore_patterns("*.py", "__pycache__", "samples"))
    return root


def replaced(root: Path, old: str, new: str) -> Catalogue:
    path = root / FIELDS
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return Catalogue(root)


def test_every_field_of_every_message_has_a_text_in_both_languages() -> None:
    assert list(field_findings(load())) == []


def test_a_name_with_several_meanings_is_told_by_its_owner() -> None:
    texts = read_fields(load())
    assert texts.of("Reason", "code").table == "reasons"
    assert texts.of("StageRef", "code").table == "stages"
    with pytest.raises(LookupError, match="no text"):
        texts.of("DispatchOrder", "never_heard_of")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('fence = [', 'fense = [', "this field has no text"),
        ('fence = [', 'never = ["不", "Not"]\nfence = [', "no message has this field"),
        ('"stages"]', '"stagez"]', "no code table stagez"),
        ('["局向编码"', '["Bureau"', "both needed"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_found(copy: Path, old: str, new: str, found: str) -> None:
    assert any(found in en for _, _, en in field_findings(replaced(copy, old, new)))


def test_a_row_that_is_no_pair_names_itself(copy: Path) -> None:
    catalogue = replaced(copy, 'bureau = ["局向编码", "Bureau"]', 'bureau = ["局向编码"]')
    with pytest.raises(SchemaDataError, match="bureau"):
        read_fields(catalogue)
