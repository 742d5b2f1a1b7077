"""Commands that are ended from outside: Ctrl-C, and output nobody reads; no traceback, and an exit code that says it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.python.failure import Failure

from gateway import __main__ as entry
from gateway.cli import app
from gateway.cli.output import cut_short
from tests.gateway.conftest import LIMIT_S, any_port, environment

TELLING = (
    ("run", "--json"),
    ("schema", "list", "--json"),
)
"""A command that serves, and one that prints and ends."""


AT_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from gateway.__main__ import main; main()"
)
"""A command hears Ctrl-C also where whoever started the tests does not."""


def started(*words: object, out: int = subprocess.PIPE) -> subprocess.Popen[str]:
    texts = [sys.executable, "-c", AT_A_TERMINAL, *map(str, words)]
    return subprocess.Popen(texts, stdout=out, stderr=subprocess.PIPE, encoding="utf-8", env=environment())


def alone(folder: Path) -> Path:
    """A configuration whose peers are down."""
    path = any_port(folder)
    text = path.read_text(encoding="utf-8").replace('connect = ["tcp://127.0.0.1:0"]', 'connect = ["tcp://127.0.0.1:1"]')
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("words", TELLING, ids=lambda words: words[0])
def test_output_nobody_reads_ends_the_command_without_a_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    config = () if words[0] == "schema" else ("--config", alone(tmp_path))
    process = started(*words, *config, out=writing)
    os.close(writing)
    err = process.communicate(timeout=LIMIT_S)[1]
    assert (process.returncode, "Traceback" in err) == (141, False), err


def test_ctrl_c_ends_a_gateway_with_a_sentence(tmp_path: Path) -> None:
    process = started("run", "--config", alone(tmp_path))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert "已停止" in out
    assert "stopped" in out


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_while_a_gateway_starts(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cut_short(Failure(KeyboardInterrupt()), as_json)
    told = capsys.readouterr().err
    assert (ended.value.code, "已中断" in told, told.startswith("{")) == (130, True, as_json)


def test_any_other_failure_stays_what_it_is() -> None:
    failure = Failure(ValueError())
    assert cut_short(failure, False) is failure


def test_simulators_of_a_crm_nobody_can_connect_to_say_so(tmp_path: Path) -> None:
    process = started("simulate", "pf", "--crm", "tcp://127.0.0.1:0", "--listen-base", "tcp://127.0.0.1:0",
                      "--config", alone(tmp_path))  # fmt: skip
    err = process.communicate(timeout=LIMIT_S)[1]
    assert (process.returncode, "Traceback" in err, "tcp://127.0.0.1:0" in err) == (2, False, True)


def test_ctrl_c_before_the_command_line_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "bssgw", interrupted)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert (ended.value.code, "interrupted" in capsys.readouterr().err) == (130, True)
