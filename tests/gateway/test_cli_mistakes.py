"""A command line that is wrong: said in both languages with what to do, as JSON where JSON was asked for, status 2."""

import json
import re
from pathlib import Path

import pytest

from adapters.store.engine import open_engine
from adapters.store.migration import upgrade
from tests.gateway.conftest import Finished, any_port, bssgw

CHINESE = re.compile("[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}")

WRONG = [
    ("statuss", "bssgw status", "try"),
    ("order lst", "bssgw order list", "try"),
    ("conformance rnu", "bssgw conformance run", "try"),
    ("submit", "bssgw order submit", "try"),
    ("nonsense", "status", "help"),
    ("order nonsense", "resume show submit", "help"),
    ("order list --limt 3", "--limit", "help"),
    ("order list -z", "--limit", "help"),
    ("order --limit 3 list", "behind the command", "help"),
    ("order list --limit", "wants a value", "help"),
    ("order list --json=3", "takes no value", "help"),
    ("order submit", "FILES", "example"),
    ("order resume SO1", "--accept|--decline", "example"),
    ("link stop PF0001", "--reason", "help"),
    ("cutover plan CT1 --from A --to B --area 025 --out x.json", "--res-type", "example"),
    ("order submit missing.xml", "missing.xml", "example"),
    ("order submit .", "a directory", "example"),
    ("message list --direction sideways", "in, out", "help"),
    ("message list --direction ot", "did you mean out?", "help"),
    ("order list --state COMPLETE", "did you mean COMPLETED?", "help"),
    ("order list --state 7", "IN_PROGRESS", "help"),
    ("order list --limit many", "1..1000", "help"),
    ("order list --limit 0", "1..1000", "help"),
    ("message list --after many", "whole number", "help"),
    ("simulate pf --speed fast", "0..10000", "example"),
    ("simulate pf bil", "did you mean bill?", "example"),
    ("bench memory --orders 0", "1..10000000", "example"),
    ("order list one two", "one two", "help"),
    ("order ask SO1 --by number --operation cancel", "for an order only", "example"),
    ("order --", "wants a command", "help"),
]


@pytest.mark.parametrize(("line", "said", "then"), WRONG)
def test_it_is_told_in_both_languages_with_what_to_do(line: str, said: str, then: str) -> None:
    done = bssgw(*line.split())
    first, *rest = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert CHINESE.search(first)
    assert ENGLISH.search(first)
    assert said in first
    labels = {"try": "试试 try: bssgw", "example": "例 example: bssgw", "help": "帮助 help: bssgw"}
    assert any(one.strip().startswith(labels[then]) for one in rest)
    assert "Error" not in done.err


@pytest.mark.parametrize(("line", "said", "then"), WRONG)
def test_as_json_it_is_one_object_where_errors_stand(line: str, said: str, then: str) -> None:
    done = bssgw(*line.split(), "--json")
    told = json.loads(done.err)
    assert (done.code, done.out, told["ok"], told["exit_code"]) == (2, "", False, 2)
    assert CHINESE.search(told["zh"])
    assert not CHINESE.search(told["en"])
    assert then in told


def test_options_before_the_command_are_told_where_they_go() -> None:
    told = json.loads(bssgw("--json", "status").err)
    assert "options go behind the command" in told["en"]


def test_an_option_of_two_values_wants_both() -> None:
    done = bssgw("order", "ask", "SO1", "--range", "20261121000000")
    assert (done.code, "2 values" in done.err) == (2, True)


def test_a_command_that_fails_tells_json_too(tmp_path: Path) -> None:
    done = bssgw("order", "list", "--json", "--data-dir", tmp_path)
    told = json.loads(done.err)
    assert (done.code, told["exit_code"], told["ok"]) == (3, 3, False)
    assert "bssgw run" in told["en"]


def test_a_file_nearly_of_that_name_is_proposed(tmp_path: Path) -> None:
    (tmp_path / "order.xml").touch()
    done = bssgw("order", "submit", tmp_path / "ordr.xml")
    assert f"did you mean {tmp_path / 'order.xml'}?" in done.err


def test_a_file_where_a_directory_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = bssgw("order", "list", "--data-dir", tmp_path / "file")
    assert (done.code, "a directory is wanted" in done.err) == (2, True)


def test_a_number_no_store_has_is_a_mistake_of_usage() -> None:
    done = bssgw("message", "list", "--after", "9" * 23)
    assert (done.code, "Traceback" in done.err, "--after" in done.err) == (2, False, True)


def test_a_store_of_a_newer_program_is_to_be_read_by_that(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gateway.db"
    upgrade(url)
    with open_engine(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    done = bssgw("order", "list", "--data-dir", tmp_path)
    assert (done.code, "run the version that wrote it" in done.err, "db upgrade" in done.err) == (1, True, False)


def test_the_second_of_several_files_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.xml").touch()
    done = bssgw("order", "submit", tmp_path / "there.xml", tmp_path / "elsewhere.txt")
    assert "elsewhere.txt" in done.err
    assert "no file" in done.err


def test_ctrl_c_ends_with_a_sentence_and_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> Finished:
        raise KeyboardInterrupt

    monkeypatch.setattr("schemas.loader.load", interrupted)
    for extra in ([], ["--json"]):
        done = bssgw("model", "check", *extra)
        assert (done.code, done.out, "Traceback" in done.err) == (130, "", False)
        assert "已中断" in done.err
        assert "interrupted" in done.err


def test_help_of_a_group_without_command_stays_help() -> None:
    done = bssgw("order")
    assert (done.code, "Commands" in done.err) == (2, True)


def test_faults_of_a_configuration_are_listed_alike_in_both_languages(tmp_path: Path) -> None:
    config = tmp_path / "bssgw.toml"
    config.write_text('[gateway]\nsystem_id = "crm"\nareas = []\n', encoding="utf-8")
    told = json.loads(bssgw("status", "--config", config, "--json").err)
    places = [f"{config}:2: gateway.system_id = 'crm'", f"{config}:3: gateway.areas = []"]
    assert [row["where"] for row in told["faults"]] == places
    for language in ("zh", "en"):
        head, *listed = told[language].splitlines()
        assert listed == [f"  {row['where']}: {row[language]}" for row in told["faults"]]
        assert "2" in head
    assert CHINESE.search(told["zh"])
    assert not CHINESE.search(told["en"])
    said = bssgw("status", "--config", config).err.splitlines()
    assert said[1:] == [f"  {row['where']}: {row['zh']} / {row['en']}" for row in told["faults"]]


@pytest.mark.parametrize("line", [("simulate", "rm"), ("run", "--with-simulators", "--demo", "1", "--once")])
def test_who_speaks_over_http_has_no_simulator(line: tuple[str, ...], tmp_path: Path) -> None:
    """And the others are simulated without it."""
    config = any_port(tmp_path)
    text = config.read_text(encoding="utf-8")
    before, rest = text.split('role = "RM"', 1)
    rest = rest.replace('connect = ["tcp://127.0.0.1:0"]', 'binding = "soap"\nconnect = ["http://127.0.0.1:1/soap"]', 1)
    config.write_text(f'{before}role = "RM"{rest}', encoding="utf-8")
    ended = bssgw(*line, "--config", config, "--data-dir", tmp_path / "data")
    assert ended.code == 2
    assert "RM0001 用 soap" in ended.err
    assert "for the others bssgw simulate pf bill" in ended.err
    assert "Traceback" not in ended.err
