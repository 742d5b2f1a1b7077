"""Configuration: defaults of spec 01.1.5, and faults that name line, key, what was found and what to do."""

from pathlib import Path

import pytest

from gateway.config.faults import ConfigError
from gateway.config.file import load_example, load_file, parse
from gateway.config.model import Config
from schemas.loader import load
from schemas.toml_lines import key_lines, line_of

GOOD = """
[gateway]
system_id = "CRM001"
areas = ["025"]

[[listen]]
name = "socket"
address = "tcp://127.0.0.1:0"
layout = "ctif-128"

[[peer]]
id = "PF0001"
role = "PF"
connect = ["tcp://127.0.0.1:7121", "tcp://127.0.0.1:7131"]
listen = "socket"
"""


def refused(text: str, base: Path = Path()) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "bssgw.toml", base)
    for line in caught.value.lines():
        assert line.startswith("bssgw.toml:")
        assert " / " in line
    return [(fault.line, fault.key) for fault in caught.value.faults]


def good(text: str = GOOD) -> Config:
    return parse(text, "bssgw.toml", Path("/srv/bssgw"))


def test_the_shipped_example_is_a_configuration(tmp_path: Path) -> None:
    config = load_example(tmp_path)
    assert config.database_url == f"sqlite:///{tmp_path}/data/gateway.db"
    assert [peer.role for peer in config.peer] == ["channel", "PF", "RM", "BILL"]


def test_timer_defaults_are_those_of_the_specification() -> None:
    peer = good().peer[0]
    timers = peer.timers
    assert (timers.connect, timers.heartbeat, timers.misses, timers.partial) == (5, 60, 3, 30)
    assert (timers.circuit_failures, timers.circuit_pause, timers.reassembly) == (5, 30, 120)
    assert (peer.limits.max_packet, peer.limits.max_document) == (1 << 20, 16 << 20)
    assert peer.window == 32


def test_receipt_and_answer_limits_come_from_the_row_unless_the_peer_says_otherwise() -> None:
    row = load().message("OH01")
    assert good().peer[0].receipt_seconds(row) == row.receipt_timer
    assert good().peer[0].answer_seconds(row) == row.answer_timer
    changed = good(GOOD + "timers = { receipt = 3, blocking = 4.5 }\n").peer[0]
    assert (changed.receipt_seconds(row), changed.answer_seconds(row)) == (3, 4.5)


def test_idle_close_depends_on_the_kind_of_connection() -> None:
    assert good().peer[0].idle_seconds == 300
    assert good(GOOD + "long = false\n").peer[0].idle_seconds == 30


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bssgw.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_file(path).data_dir == tmp_path / "data"


def test_a_peer_is_found_by_its_id() -> None:
    peer = good().peer_of("PF0001")
    assert peer is not None
    assert peer.role == "PF"
    assert good().peer_of("PF0009") is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"CRM001"', '"crm"'), (3, "gateway.system_id")),
        (('areas = ["025"]', "areas = []"), (4, "gateway.areas")),
        (('areas = ["025"]', 'areas = ["025"]\ncolour = 1'), (5, "gateway.colour")),
        (('"tcp://127.0.0.1:0"', '"127.0.0.1"'), (8, "listen[1].address")),
        (('"tcp://127.0.0.1:0"', '"tcp://127.0.0.1:70000"'), (8, "listen[1].address")),
        (('layout = "ctif-128"', 'layout = "ctif-129"'), (9, "listen[1].layout")),
        (('role = "PF"', 'role = "XX"'), (13, "peer[1].role")),
        (('listen = "socket"', 'listen = "door"'), (15, "peer[1].listen")),
        (('listen = "socket"', 'schema_version = "9.9"'), (15, "peer[1].schema_version")),
        (('listen = "socket"', 'envelope = "soap"'), (15, "peer[1].envelope")),
        (('listen = "socket"', 'allow_addresses = ["here"]'), (15, "peer[1].allow_addresses[1]")),
        (('listen = "socket"', 'areas = ["099"]'), (15, "peer[1].areas[1]")),
        (('listen = "socket"', 'window = "32"'), (15, "peer[1].window")),
        (('listen = "socket"', "[peer.timers]\nidle = -1"), (16, "peer[1].timers.idle")),
        (('role = "PF"\n', ""), (11, "peer[1].role")),
    ],
)
def test_a_wrong_value_is_named_with_its_line(change: tuple[str, str], expected: tuple[int, str]) -> None:
    assert refused(GOOD.replace(*change)) == [expected]


def test_all_faults_are_named_at_once_in_the_order_of_lines() -> None:
    text = GOOD.replace('"CRM001"', "1").replace('layout = "ctif-128"', 'layout = "x"') + '[[peer]]\nid = "PF0001"\n'
    assert refused(text) == [
        (3, "gateway.system_id"),
        (9, "listen[1].layout"),
        (16, "peer[2]"),
        (16, "peer[2].role"),
        (17, "peer[2].id"),
    ]


def test_text_that_is_no_toml_is_named_with_its_line() -> None:
    assert refused("[gateway]\nsystem_id = \n") == [(2, "")]


def test_a_password_in_the_url_is_refused_and_never_shown() -> None:
    url = 'database = "postgresql+psycopg://bssgw:hunter2@127.0.0.1/bssgw"'
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace('areas = ["025"]', f'areas = ["025"]\n{url}'), "bssgw.toml", Path())
    assert "database_password_file" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_password_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("p@ss/word\n", encoding="utf-8")
    table = 'database = "postgresql+psycopg://bssgw@127.0.0.1/bssgw"\ndatabase_password_file = "secret"'
    text = GOOD.replace('areas = ["025"]', f'areas = ["025"]\n{table}')
    assert parse(text, "x", tmp_path).database_url == "postgresql+psycopg://bssgw:p%40ss%2Fword@127.0.0.1/bssgw"
    assert refused(text, tmp_path / "elsewhere") == [(6, "gateway.database_password_file")]


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bssgw config example"):
        load_file(tmp_path / "none.toml")


def test_lines_are_found_through_multi_line_values_and_strings() -> None:
    text = (
        'a = [\n  "x = 1", # [b]\n]\nb = """\nc = 2\n"""\n[t]\nd.e = {f = 1}\n"g h" = 2\n[[r]]\n[[r]]\n[r.s]\nk = 1\n'
    )
    lines = key_lines(text)
    assert lines[("a",)] == 1
    assert ("c",) not in lines
    assert lines[("t", "d", "e")] == 8
    assert lines[("t", "g h")] == 9
    assert lines[("r", 1, "s", "k")] == 13
    assert line_of(lines, ("r", 1, "s", "absent")) == 12
    assert line_of(lines, ("nowhere",)) == 1


def test_operators_hold_roles_of_the_table_and_are_named_once() -> None:
    text = GOOD + '\n[[operator]]\nname = "OP1"\nrole = "CLERK"\n'
    assert [(one.name, one.role) for one in good(text).operator] == [("OP1", "CLERK")]
    assert refused(text + '[[operator]]\nname = "OP2"\nrole = "KING"\n') == [(22, "operator[2].role")]
    assert refused(text + '[[operator]]\nname = "OP1"\nrole = "CLERK"\n') == [(21, "operator[2].name")]


def test_a_login_an_envelope_cannot_say_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("shared", encoding="utf-8")
    systems = '[peer.dialect.systems]\nCRM001 = "6001030001"\nPF0001 = "6001030011"\n'
    login = '[peer.login]\nuser = "CRM001"\nsecret_file = "secret"\n'
    text = f'{GOOD}envelope = "contract-root"\n{systems}{login}'
    assert [key for _, key in refused(text, tmp_path)] == ["peer[1].login"]
    parse(f'{text}[peer.dialect.codes]\nLN01 = "BUS35011/SVC80001"\n', "bssgw.toml", tmp_path)


def test_values_there_are_to_choose_from_are_listed_without_english_in_chinese() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace('role = "PF"', 'role = "XX"'), "bssgw.toml", Path())
    (fault,) = caught.value.faults
    assert ("'CS', 'S97'" in fault.zh, "'CS' or 'S97'" in fault.en) == (True, True)
