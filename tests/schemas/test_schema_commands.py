"""``bssgw schema``: what people and programs get, and the exit codes."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from gateway.cli.schema import schema
from schemas.loader import load

ROOT = load().root
GOOD = str(ROOT / "samples/SubmitOrder/ok_pots_install.xml")
BAD = str(ROOT / "samples/SubmitOrder/bad_several_faults.xml")


def run(*words: str):
    return CliRunner().invoke(schema, list(words))


def test_list():
    result = run("list", "--json")
    rows = json.loads(result.stdout)
    assert {"CH01", "OH01", "RX04"} <= {row["code"] for row in rows}
    assert "DispatchOrder" in run("list", "--area", "5.4").stdout
    assert run("list", "--area", "9.9").exit_code == 2


@pytest.mark.parametrize("name", ["OH01", "DispatchOrder"])
def test_show_by_code_and_name(name):
    shown = json.loads(run("show", name, "--json").stdout)
    assert shown["row"]["zh"] == "派单"
    assert {"path": "items/item[]/action", "required": True}.items() <= next(
        field for field in shown["fields"]["DispatchOrder"] if field["path"] == "items/item[]/action"
    ).items()
    assert "items/item[]/attrs" in run("show", name).stdout


def test_show_answers_too():
    assert set(json.loads(run("show", "RC01", "--json").stdout)["fields"]) == {"ConfirmResource", "ResourceConfirmation"}


def test_show_unknown_is_a_usage_error():
    result = run("show", "ZZ99")
    assert result.exit_code == 2
    assert "ZZ99" in result.stderr


def test_validate_good_and_bad():
    assert run("validate", GOOD).exit_code == 0
    result = run("validate", GOOD, BAD, "--json")
    assert result.exit_code == 1
    good, bad = json.loads(result.stdout)
    assert (good["ok"], good["message"], good["charset_rule"]) == (True, "CH01 SubmitOrder", "utf-8")
    assert (bad["ok"], bad["code"]) == (False, "1002")
    assert len(bad["faults"]) == 5
    assert all(fault["zh"] and fault["en"] and fault["path"] and fault["rule"] for fault in bad["faults"])
    text = run("validate", BAD).stdout
    assert "/Package/Body/SubmitOrder/customer/type" in text
    assert "1002" in text


def test_validate_a_bare_body(tmp_path):
    text = (ROOT / "samples/SubmitOrder/ok_pots_install.xml").read_text(encoding="utf-8")
    bare = re.search("<SubmitOrder.*</SubmitOrder>", text, re.DOTALL)
    assert bare is not None
    path = tmp_path / "bare.xml"
    path.write_text(bare.group(), encoding="gb18030")
    good = json.loads(run("validate", str(path), "--json").stdout)[0]
    assert (good["ok"], good["message"], good["charset"]) == (True, "CH01 SubmitOrder", "GB18030")
    path.write_text(bare.group().replace("<action>install", "<action>fit"), encoding="utf-8")
    bad = json.loads(run("validate", str(path), "--json").stdout)[0]
    assert [fault["path"] for fault in bad["faults"]] == ["/SubmitOrder/items/item/action"]
    path.write_text('<Receipt xmlns="urn:bss:if:message:0.9"><code>0001</code><text>a</text></Receipt>', encoding="utf-8")
    assert json.loads(run("validate", str(path), "--json").stdout)[0]["message"] == "Receipt"


@pytest.mark.parametrize(
    ("raw", "code"), [(b"<a>", "1001"), (b"<a/>", "1002"), (b"<a>\xff</a>", "1005"), (b"<!DOCTYPE a><a/>", "1001")]
)
def test_validate_what_is_no_document(tmp_path, raw, code):
    path = tmp_path / "x.xml"
    path.write_bytes(raw)
    result = run("validate", str(path), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["code"] == code


def test_validate_without_a_file_is_a_usage_error():
    assert run("validate").exit_code == 2
    assert run("validate", "no-such-file.xml").exit_code == 2


def test_verify():
    result = run("verify", "--json")
    assert json.loads(result.stdout) == {"ok": True, "findings": []}
    assert result.exit_code == 0


BODY = '<DispatchOrder xmlns="urn:bss:if:message:0.9"><x/>'
BROKEN = [
    ("", None, "no XML element"),
    ("nonsense", None, "no XML element"),
    ("<Letter><a></b></Letter>", None, "its root is Letter"),
    (f"<?xml version='1.0'?><!-- a note -->{BODY}</DispatchOrder>", "OH01 DispatchOrder", "OH01 DispatchOrder"),
    (BODY, "OH01 DispatchOrder", "OH01 DispatchOrder"),
    ("<Package><Header><MessageCode>OH07</MessageCode>", "OH07 StageReport", "OH07 StageReport"),
    (f"<p:Package><p:MessageCode> OH01 <p:Body>{BODY}", "OH01 DispatchOrder", "OH01 DispatchOrder"),
    (f"<Package><Header><MessageCode>ZZ99</MessageCode></Header><Body>{BODY}", "OH01 DispatchOrder", "OH01 DispatchOrder"),
    ("<Package><Header><MessageCode>ZZ99</MessageCode>", None, "its root is Package"),
]


@pytest.mark.parametrize(("text", "message", "told"), BROKEN)
def test_a_broken_document_is_told_with_what_it_still_says_of_itself(tmp_path, text, message, told):
    path = tmp_path / "broken.xml"
    path.write_text(text, encoding="utf-8")
    first = run("validate", str(path)).stdout.splitlines()[0]
    assert first.startswith(f"{path}: ")
    assert told in first
    assert "?" not in first.split(" · ")[0]
    (report,) = json.loads(run("validate", str(path), "--json").stdout)
    assert (report["ok"], report["message"], report["file"]) == (False, message, str(path))


def test_a_document_in_no_charset_at_all_is_told_too(tmp_path):
    path = tmp_path / "bytes.xml"
    path.write_bytes(b"<?xml version='1.0' encoding='UTF-8'?><Letter>\xff\xfe\x81</Letter>")
    assert "its root is Letter" in run("validate", str(path)).stdout


def test_what_stands_above_the_fields_is_named_in_both_languages() -> None:
    said = CliRunner().invoke(schema, ["show", "OH01"]).stdout
    assert all(title in said for title in ("业务键 key:", "结果 result:", "拒绝 refusals:"))
