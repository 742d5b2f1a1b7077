"""``bssgw layout``: layouts listed, explained byte by byte, checked; a folder of one's own in the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.wire.layout import Layout
from gateway.cli.layout import layout
from gateway.config.faults import ConfigError
from gateway.config.file import example_text, parse
from gateway.onboarding.layout_ruler import fields_of, round_trip, ruler, sample_packets, traits
from schemas.loader import load, read_layout

VENDOR = Path(__file__).parents[2] / "simulation" / "vendor_layout.toml"


def called(*arguments: str) -> Result:
    return CliRunner().invoke(layout, arguments)


def told(*arguments: str) -> Any:
    return json.loads(called(*arguments, "--json").stdout)


@pytest.mark.parametrize("row", [*load().layouts(), read_layout(VENDOR)], ids=lambda row: row.name)
def test_every_sample_is_written_read_and_explained_field_by_field(row):
    made = Layout(row)
    for name, packet in sample_packets(made).items():
        data, read = round_trip(made, packet)
        shown = fields_of(row, made, data)
        assert bytes.fromhex("".join(one["hex"] for one in shown)) == data, name
        assert [one["offset"] for one in shown] == sorted(one["offset"] for one in shown)
        if made.carries("kind"):
            assert (read.is_answer, read.is_heartbeat) == (packet.is_answer, packet.is_heartbeat)
        assert not any(one["value"] == "?" for one in shown)


def test_the_list_says_what_each_layout_can():
    found = {one["name"]: one for one in told("list")}
    assert found["dc-64"]["fetches_segments"]
    assert found["dc-64"]["serial_width"] == 10
    assert not found["bd-272"]["carries_documents"]
    assert found["ctif-128"] == found["ctif-128"] | traits(Layout(load().layout("ctif-128")))


def test_a_layout_is_shown_with_a_ruler():
    done = called("show", "ascii-145")
    assert done.exit_code == 0
    assert "000016" in done.stdout
    assert "trans_code" in done.stdout
    assert "keep" in done.stdout


@pytest.mark.parametrize("row", [*load().layouts(), read_layout(VENDOR)], ids=lambda row: row.name)
def test_the_ruler_fits_80_columns_and_names_every_field(row):
    made = Layout(row)
    for packet in sample_packets(made).values():
        lines = list(ruler(row, round_trip(made, packet)[0]))
        assert max(map(len, lines)) < 80
        assert {field.name for field in row.fields} <= set(" ".join(lines).split())


def test_what_a_layout_is_stands_there_in_both_languages():
    said = called("show", "dc-64").stdout
    row = load().layout("dc-64")
    assert row.about_zh in said
    assert " ".join(row.about.split()) in said


def test_a_captured_packet_is_held_against_the_ruler(tmp_path):
    made = Layout(load().layout("dc-64"))
    data = round_trip(made, sample_packets(made)["request"])[0]
    capture = tmp_path / "captured.bin"
    capture.write_bytes(data)
    assert told("show", "dc-64", "--packet", str(capture))["ok"]
    capture.write_bytes(data.replace(b"`DC`", b"'DC'"))
    report = told("show", "dc-64", "--packet", str(capture))
    assert "magic" in report["faults"][0]["en"]
    assert report["packets"][0]["fields"][4]["value"] == "13"


def test_an_unknown_layout_names_those_there_are():
    done = called("show", "dc-65")
    assert done.exit_code == 2
    assert "ascii-145" in done.stderr


def test_a_good_file_passes():
    report = told("check", str(VENDOR))
    assert report["ok"]
    assert [one["packet"] for one in report["packets"]] == ["request", "receipt", "heartbeat", "register", "next"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("offset = 21", "offset = 22", "overlap"),
        ('reply = "A", receipt = "A"', 'reply = "Q", receipt = "A"', "same form on the wire"),
        ('heartbeat_reply = "p", ', "", "go together"),
        ('register = "R"', 'registration = "R"', "unknown kind registration"),
        ('role = "more"', 'role = "mroe"', "unknown role mroe; known: area, "),
        ('role = "segment"', 'role = "filler"', "more and segment go together"),
        ("body_max = 900", "body_max = 70000", "more than the length can count, 65535"),
        ("width = 4", "width = -1", "the width is at least 1"),
        ('role = "length"', 'role = "length"\nconstant = "0010"', "a length is counted"),
        ('pad = "0"', 'pad = "x"', "padded with 0 or blanks"),
        ('constant = "VX"', 'constant = "VXX"', "wider than 2"),
        ("width = 4\nkind", "width = four\nkind", "not a TOML file"),
        ('kind = "binary-le"', 'kind = "binary"', "bad value for kind: 'binary'; one of text, decimal, hex, binary-be"),
    ],
)
def test_every_fault_of_a_file_is_named(tmp_path, old, new, said):
    text = VENDOR.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "own.toml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = called("check", str(file), "--json")
    assert done.exit_code == 1
    assert any(said in fault["en"] and fault["zh"] for fault in json.loads(done.stdout)["faults"])


def configured(folder: Path, layout_name: str) -> str:
    text = example_text().replace('data_dir = "data"', f'data_dir = "data"\nlayouts = "{folder.name}"')
    return text.replace('# layout = "ctif-128"', f'layout = "{layout_name}"', 1)


def test_a_folder_of_ones_own_layouts_is_part_of_the_configuration(tmp_path):
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "vendor.toml").write_text(VENDOR.read_text(encoding="utf-8"), encoding="utf-8")
    config = parse(configured(folder, "vendor-x"), "c.toml", tmp_path)
    assert config.gateway.layouts == folder
    with pytest.raises(ConfigError, match=r"unknown; known: .*vendor-x"):
        parse(configured(folder, "vendor-y"), "c.toml", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "vendor-x"', 'name = "dc-64"', "there is a layout dc-64 already"),
        ("offset = 21", "offset = 22", "vendor-x.further"),
    ],
)
def test_faults_of_ones_own_layouts_are_faults_of_the_configuration(tmp_path, old, new, said):
    folder = tmp_path / "layouts"
    folder.mkdir()
    text = VENDOR.read_text(encoding="utf-8").replace(old, new, 1)
    (folder / "vendor.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        parse(configured(folder, "vendor-x"), "c.toml", tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        parse(configured(tmp_path / "nowhere", "vendor-x"), "c.toml", tmp_path)


def test_a_login_without_a_secret_is_a_fault_of_the_configuration(tmp_path):
    text = example_text().replace("# [peer.login] ", "[peer.login] ", 1).replace("# required = false", "required = true", 1)
    with pytest.raises(ConfigError, match="a login needs secret_file"):
        parse(text, "c.toml", tmp_path)
    with pytest.raises(ConfigError, match=r"secret_file = .*no such file"):
        parse(text.replace("# secret_file", "secret_file", 1), "c.toml", tmp_path)
