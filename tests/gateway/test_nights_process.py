"""Nights of the process itself: what it says when it cannot begin, and what signals do."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.links import listening
from tests.gateway.conftest import any_port, bssgw

LIMIT_S = 60


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_all_addresses_that_cannot_be_listened_at_are_told_at_once_with_who_holds_them(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = any_port(tmp_path).read_text(encoding="utf-8")
        second = f'\n[[listen]]\nname = "second"\naddress = "tcp://127.0.0.1:{port}"\nlayout = "ctif-128"\n'
        third = '\n[[listen]]\nname = "third"\naddress = "tcp://192.0.2.1:7100"\nlayout = "ctif-128"\n'
        config = tmp_path / "odd.toml"
        config.write_text(text + second + third, encoding="utf-8")
        done = bssgw("run", "--config", config)
    assert done.code == 2
    assert f"(pid {os.getpid()})" in done.err
    assert "[[listen]] second: cannot listen on" in done.err
    assert "[[listen]] third: cannot listen on 192.0.2.1:7100" in done.err
    assert "本机没有这个地址" in done.err


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "has no such address"),
        (errno.EADDRINUSE, "stop what uses it"),
        (errno.ENOBUFS, "stop what uses it"),
    ],
)
def test_why_an_address_cannot_be_listened_at_is_told_with_what_to_do(number: int, said: str) -> None:
    assert said in listening.refusal("127.0.0.1:0", OSError(number, "odd"), 0)[1]


def test_a_log_folder_that_cannot_be_written_is_one_line_and_the_end(tmp_path: Path) -> None:
    config = any_port(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    (data / "logs").write_text("in the way", encoding="utf-8")
    done = bssgw("run", "--config", config)
    assert done.code == 2
    assert "log directory" in done.err
    assert len(done.err.splitlines()) == 1


def test_sighup_opens_the_log_anew_and_the_life_of_the_process_stands_in_it(tmp_path: Path) -> None:
    config = any_port(tmp_path)
    text = config.read_text(encoding="utf-8").replace('connect = ["tcp://127.0.0.1:0"]', 'connect = ["tcp://127.0.0.1:1"]')
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "run", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        log, old = Path(ready["log"]), Path(ready["log"] + ".old")
        log.rename(old)
        process.send_signal(signal.SIGHUP)
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    assert ready["new_store"] is True
    assert "listening" in events(old)
    life = [event for event in events(old) + events(log) if event.startswith(("gateway.", "log."))]
    assert life == ["gateway.started", "log.reopened", "gateway.stopping", "gateway.stopped"]
    assert events(log)[-1] == "gateway.stopped"
