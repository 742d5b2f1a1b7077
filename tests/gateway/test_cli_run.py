"""``bssgw run``: the demo reaches its ends over real sockets, a second gateway and other bad starts get one clear line."""

import json
import re
import socket
from pathlib import Path

import pytest

from gateway.cli.serving import with_free_ports
from gateway.config.file import load_example
from tests.gateway.conftest import Finished, Running, any_port, bssgw


def test_free_ports_are_one_for_each_address(tmp_path: Path) -> None:
    """Found one by one and given back at once, two of so many were the same: a listener met a simulator on its port."""
    config = load_example(tmp_path)
    peer = config.peer[1].model_copy(update={"connect": ("tcp://127.0.0.1:0",) * 400})
    found = with_free_ports(config.model_copy(update={"peer": (peer,)})).peer[0].connect
    assert len(dict.fromkeys(found)) == 400


def test_every_demo_order_reaches_its_expected_end(demo: tuple[Finished, Path]) -> None:
    done, _ = demo
    assert done.err == ""
    assert done.code == 0
    assert "全部达到预期 / all ended as expected · 22/22" in done.out


def test_the_demo_tells_each_order_in_a_row_and_where_things_lie(demo: tuple[Finished, Path]) -> None:
    done, config = demo
    row = next(line for line in done.out.splitlines() if re.search(r"DEMO0000-15 .* ✔", line))
    for part in ("张**", "POTS", "relocate", "COMPLETED", "change accepted"):
        assert part in row
    for name in ("gateway.db", "logs/gateway.log"):
        assert str(config.parent / "data" / name) in done.out


def test_the_demo_shows_progress_in_plain_lines_where_there_is_no_terminal(demo: tuple[Finished, Path]) -> None:
    lines = demo[0].out.splitlines()
    assert any(re.fullmatch(r"  DEMO0000-01  COMPLETED.*", line) for line in lines)


@pytest.mark.once
def test_a_second_demo_on_the_same_store_is_new_orders(demo: tuple[Finished, Path]) -> None:
    again = bssgw("run", "--with-simulators", "--demo", 2, "--once", "--speed", 100, "--json", "--config", demo[1])
    assert again.code == 0
    ready, _, rest = again.out.partition("\n")
    assert json.loads(ready)["ready"] is True
    assert [row["order"] for row in json.loads(rest)["orders"]] == ["DEMO0001-01", "DEMO0001-02"]


def test_logs_are_json_lines_without_personal_data(demo: tuple[Finished, Path]) -> None:
    text = (demo[1].parent / "data" / "logs" / "gateway.log").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in text.splitlines()]
    assert all({"at", "level", "event"} <= entry.keys() for entry in entries)
    assert any(entry["event"] == "listening" for entry in entries)
    assert "示例" not in text
    assert "13800000000" not in text


def test_a_second_gateway_on_the_same_store_is_refused(running: Running) -> None:
    done = bssgw("run", "--config", running.config)
    assert done.code == 1
    assert len(done.err.splitlines()) == 1
    assert str(running.process.pid) in done.err


@pytest.mark.once
def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = any_port(tmp_path)
        text = config.read_text(encoding="utf-8").replace("tcp://127.0.0.1:0", f"tcp://127.0.0.1:{port}")
        config.write_text(text, encoding="utf-8")
        done = bssgw("run", "--config", config)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert f"127.0.0.1:{port}" in done.err


@pytest.mark.once
def test_a_port_nobody_can_connect_to_is_one_line(tmp_path: Path) -> None:
    done = bssgw("run", "--config", any_port(tmp_path))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1


@pytest.mark.once
def test_a_bad_configuration_names_every_line(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text('[gateway]\nsystem_id = 7\nareas = ["025"]\ncolour = "red"\n', encoding="utf-8")
    done = bssgw("run", "--config", config)
    assert done.code == 2
    assert f"{config}:2: gateway.system_id" in done.err
    assert f"{config}:4: gateway.colour" in done.err
    assert "Traceback" not in done.err


@pytest.mark.once
def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = bssgw("run", "--config", any_port(tmp_path), "--data-dir", tmp_path / "file" / "data")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "--data-dir" in done.err


def test_once_without_a_demo_is_a_usage_error() -> None:
    done = bssgw("run", "--once")
    assert done.code == 2
    assert "--demo" in done.err


@pytest.mark.parametrize("command", ["run", "status", "order", "message", "config", "db", "schema", "simulate", "bench"])
def test_every_command_helps(command: str) -> None:
    done = bssgw(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out
