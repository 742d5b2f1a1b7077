"""The loader: rows by every name they have, strictness, compiled schemas."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from lxml import etree

from schemas.loader import Catalogue, UnknownName, load
from schemas.model import Route
from schemas.rows import SchemaDataError, read_messages

CATALOGUE = load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A small catalogue of its own: everything but samples."""
    root = tmp_path / "schemas"
    for folder in ("catalogue", "codes", "layouts", "envelopes", "xsd"):
        shutil.copytree(CATALOGUE.root / folder, root / folder)
    return root


def test_load_is_kept():
    assert load() is CATALOGUE
    assert load(CATALOGUE.root) is CATALOGUE


def test_every_message_of_the_specification_has_a_row():
    codes = {row.code for row in CATALOGUE.messages()}
    for area, count in {"CH": 3, "RC": 4, "SD": 8, "RR": 4, "OH": 14, "PQ": 2, "CO": 3, "CN": 2, "PI": 3, "PA": 4, "DF": 4,
                        "LK": 5, "CT": 8, "LN": 4, "RX": 4}.items():  # fmt: skip
        assert {f"{area}{number:02}" for number in range(1, count + 1)} <= codes, area


def test_rows_by_code_element_event_and_command():
    row = CATALOGUE.message("OH01")
    assert (row.name, row.zh, row.routes) == ("DispatchOrder", "派单", (Route("CRM", "PF"),))
    assert CATALOGUE.by_element("DispatchOrder") is row
    assert CATALOGUE.by_element("ResourceConfirmation").code == "RC01"
    assert row in CATALOGUE.for_event("OrderDispatched")
    assert [found.code for found in CATALOGUE.for_command("SubmitOrder")] == ["CH01"]
    assert CATALOGUE.for_event("NoSuchEvent") == ()


def test_results_by_number_and_symbol():
    assert CATALOGUE.result("3004") is CATALOGUE.result("STATE_CONFLICT")
    assert len({row.code for row in CATALOGUE.results()}) == len(CATALOGUE.results()) == 52


def test_layouts_tables_and_envelopes():
    assert CATALOGUE.layout("ctif-128").header_size == 128
    assert {"ctif-128", "len4-be", "newline"} <= {row.name for row in CATALOGUE.layouts()}
    assert CATALOGUE.table("actions").rows["install"].zh == "新装"
    assert "actions" in {table.name for table in CATALOGUE.tables()}
    assert CATALOGUE.envelope("package").root == "Package"
    assert CATALOGUE.versions() == ("0.9",)


@pytest.mark.parametrize(
    "look_up",
    [
        CATALOGUE.message, CATALOGUE.by_element, CATALOGUE.layout, CATALOGUE.table, CATALOGUE.result,
        CATALOGUE.envelope, CATALOGUE.version, CATALOGUE.shape,
    ],
)  # fmt: skip
def test_unknown_names_are_said_in_both_languages(look_up):
    with pytest.raises(UnknownName, match=r"[\u4e00-\u9fff].*ZZ99.* / .*ZZ99"):
        look_up("ZZ99")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('colour = "red"', "colour"),
        ('pattern = "X"', "pattern"),
        ("receipt_timer = true", "receipt_timer"),
        ('key = "order"', "key"),
        ('routes = [["CRM"]]', "routes"),
    ],
)
def test_rows_are_strict(tmp_path, line, said):
    row = {
        "code": '"ZZ01"', "name": '"Zz"', "zh": '"中"', "about": '"a"', "about_zh": '"中"', "pattern": '"N"',
        "routes": '[["A", "B"]]', "xsd": '"z.xsd"', "clause": '"0"',
    }  # fmt: skip
    name, _, value = line.partition(" = ")
    row[name] = value
    path = tmp_path / "zz.toml"
    path.write_text("[[message]]\n" + "\n".join(f"{key} = {text}" for key, text in row.items()), encoding="utf-8")
    with pytest.raises(SchemaDataError, match=rf"zz\.toml \[ZZ01\].*{said}"):
        read_messages(path)


def test_missing_keys_and_broken_files_are_said(tmp_path):
    path = tmp_path / "zz.toml"
    path.write_text('[[message]]\ncode = "ZZ01"\nroutes = [["A", "B"]]\n', encoding="utf-8")
    with pytest.raises(SchemaDataError, match="name, zh"):
        read_messages(path)
    path.write_text("[[message", encoding="utf-8")
    with pytest.raises(SchemaDataError, match=r"zz\.toml"):
        read_messages(path)


def test_a_code_may_stand_once(copy):
    (copy / "catalogue" / "zz.toml").write_bytes((copy / "catalogue" / "s05_07_cancel.toml").read_bytes())
    with pytest.raises(SchemaDataError, match="twice"):
        Catalogue(copy)


def test_schemas_that_do_not_compile_are_said(copy):
    path = copy / "xsd" / "cancel" / "CancelOrder.xsd"
    path.write_text(path.read_text(encoding="utf-8").replace('type="Reason"', 'type="Nothing"'), encoding="utf-8")
    with pytest.raises(SchemaDataError, match="Nothing"):
        Catalogue(copy).schema()


def test_one_schema_set_validates_documents_and_bare_bodies():
    schema = CATALOGUE.schema()
    assert CATALOGUE.schema() is schema
    root = etree.parse(CATALOGUE.samples("SubmitOrder")[-1]).getroot()
    assert schema.validate(root)
    assert schema.validate(root[1][0])


def test_load_and_compile_are_quick(copy):
    start = time.process_time()
    fresh = Catalogue(copy)
    fresh.schema()
    fresh.shape("SubmitOrder")
    assert time.process_time() - start < 0.6
