"""Verification: the shipped data are whole, and each kind of damage is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.loader import Catalogue, load
from schemas.release import release, released
from schemas.verify import verify


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("verify") / "schemas"
    shutil.copytree(load().root, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


@pytest.fixture
def copy(pristine, tmp_path) -> Path:
    root = tmp_path / "schemas"
    shutil.copytree(pristine, root)
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_data_are_whole():
    assert [finding.text for finding in verify(load())] == []


OH = "catalogue/s05_04_orders.toml"


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (OH, '"3024"', '"3999"', "3999"),
        (OH, 'result = ["OH02"', 'result = ["ZZ02"', "ZZ02"),
        (OH, 'order_key = "service_order_id"', 'order_key = "colour"', "colour"),
        (OH, '"items.item_id"', '"items.colour"', "items.colour"),
        (OH, 'zh = "派单"', 'zh = "dispatch"', "both needed"),
        (OH, 'xsd = "orders/DispatchOrder.xsd"', 'xsd = "orders/OrderAccepted.xsd"', "does not define DispatchOrder"),
        (OH, 'code = "OH01"', 'code = "OH1"', "malformed"),
        (OH, 'pattern = "C"', 'pattern = "Q"', "a Q row has an answer"),
        (OH, 'pattern = "C"', 'pattern = "N"', "a C row has a result"),
        (OH, "result_limit = 14400", "result_limit = 0", "positive number"),
        (OH, 'pattern = "C"', 'pattern = "C"\nread_only = true', "read_only is for Q"),
        (OH, 'pattern = "C"', 'pattern = "C"\nbindings = ["pigeon"]', "pigeon"),
        (OH, 'pattern = "C"', 'pattern = "C"\nversion = "7.0"', "no envelope carries version 7.0"),
        (OH, '[["CRM", "PF"]]', '[["CRM", "CRM"]]', "leads from a role to itself"),
        (OH, 'xsd = "orders/DispatchOrder.xsd"', 'xsd = "orders/Nothing.xsd"', "there is no orders/Nothing.xsd"),
        ("layouts/len4-be.toml", "width = 4", "width = 3", "no width of a binary number"),
        ("layouts/len4-be.toml", 'role = "length"', 'role = "kind"', "no length field"),
        ("layouts/newline.toml", 'delimiter = "\\n"', 'delimiter = ""', "do not fit"),
        ("layouts/newline.toml", "default_max = 1048576", "default_max = 0", "no larger than the header"),
        ("layouts/ctif-128.toml", 'pad = "0"', 'pad = "00"', "one character"),
        ("layouts/ctif-128.toml", 'reply = "1"', 'reply = "0"', "same form on the wire"),
        ("codes/actions.toml", 'code = "install"', 'code = "fit"', "fit, install"),
        ("codes/actions.toml", 'en = "Install"', 'en = ""', "actions"),
        ("codes/results.toml", 'code = "3004"', 'code = "304"', "304"),
        ("layouts/ctif-128.toml", "offset = 4", "offset = 5", "gap from 4 to 5"),
        ("layouts/ctif-128.toml", "offset = 4", "offset = 3", "overlaps"),
        ("layouts/ascii-145.toml", 'name = "client_flag"', 'name = "server_flag"', "two fields have this name"),
        ("layouts/ctif-128.toml", "header_size = 128", "header_size = 130", "128 bytes of 130"),
        ("layouts/ctif-128.toml", 'role = "serial"', 'role = "sender"', "more than once"),
        ("layouts/ctif-128.toml", 'role = "serial"', 'role = "cereal"', "cereal"),
        ("layouts/ctif-128.toml", 'constant = "CTIF"', 'constant = "CTIFX"', "wider"),
        ("layouts/newline.toml", "header_size = 0", "header_size = 9", "0 bytes of 9"),
        ("samples/SubmitOrder/ok_pots_install.xml", "<action>install", "<action>fit", "expects 0000, is 1002"),
        ("samples/SubmitOrder/bad_no_items.xml", "expects 1002", "expects 1003", "expects 1003, is 1002"),
        ("samples/SubmitOrder/bad_no_items.xml", "<!-- expects 1002 -->", "", "which code it expects"),
        ("xsd/types/common.xsd", "[A-Z0-9]{1,6}", "([A-Z0-9]+)*", "nests quantifiers"),
        ("xsd/types/common.xsd", "[A-Z0-9]{1,6}", "[A-Z0-9]{1,7}", "was edited"),
    ],
)
def test_damage_is_found(copy, name, old, new, said):
    edit(copy, name, old, new)
    assert any(said in finding.text for finding in verify(Catalogue(copy)))


def test_missing_schemas_are_found(copy):
    (copy / "xsd/types/process.xsd").rename(copy / "xsd/types/other.xsd")
    texts = "\n".join(finding.text for finding in verify(Catalogue(copy)))
    for said in ("process.xsd: 已发布的模式不见了", "other.xsd: 模式尚未发布", "xsd: 模式缺失"):
        assert said in texts


def test_missing_samples_are_found(copy):
    for path in (copy / "samples/CancelOrder").glob("bad_*"):
        path.unlink()
    for path in (copy / "samples/ReleaseResource").glob("ok_answer*"):
        path.unlink()
    (copy / "samples/Nobody").mkdir()
    assert [finding.where for finding in verify(Catalogue(copy))] == ["ReleaseResource", "CancelOrder", "samples/Nobody"]


def test_release_adds_and_never_changes(copy):
    before = released(Catalogue(copy))
    edit(copy, "xsd/types/common.xsd", "[A-Z0-9]{1,6}", "[A-Z0-9]{1,7}")
    shutil.copy(copy / "xsd/types/orders.xsd", copy / "xsd/types/more.xsd")
    assert release(Catalogue(copy)) == ("types/more.xsd",)
    after = released(Catalogue(copy))
    assert {path: after[path] for path in before} == before
