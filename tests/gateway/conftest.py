"""A finished demo and a running gateway as real processes, shared by the tests of the command line."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import app
from gateway.config.file import example_text

LIMIT_S = 180


def any_port(folder: Path) -> Path:
    """The shipped example on free ports, as a file in ``folder``."""
    path = folder / "bssgw.toml"
    text = example_text()
    for port in ("7100", "7121", "7122", "7123"):
        text = text.replace(f"tcp://127.0.0.1:{port}", "tcp://127.0.0.1:0")
    path.write_text(text, encoding="utf-8")
    return path


@dataclass
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


def environment() -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name != "BSSGW_CONFIG"}, "PYTHONUTF8": "1"}


def bssgw(*arguments: object) -> Finished:
    """Runs a command to its end: one that serves in a process of its own, one that looks in this."""
    texts = [str(argument) for argument in arguments]
    if texts[0] == "run" and "--help" not in texts:
        command = [sys.executable, "-m", "gateway", *texts]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=LIMIT_S, env=environment(), check=False)
        return Finished(done.returncode, done.stdout, done.stderr)
    result = CliRunner(env={"BSSGW_CONFIG": None}).invoke(app.bssgw, texts, catch_exceptions=False)
    return Finished(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """All demo orders through gateway and simulators; the configuration stays for commands that look."""
    config = any_port(tmp_path_factory.mktemp("demo"))
    arguments = ("run", "--with-simulators", "--demo", 20, "--once", "--speed", 50, "--seed", 1, "--config", config)
    return bssgw(*arguments), config


@dataclass
class Running:
    """A gateway that serves."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    config: Path


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway alone: its peers are down."""
    config = any_port(tmp_path_factory.mktemp("running"))
    config.write_text(
        config.read_text(encoding="utf-8").replace('connect = ["tcp://127.0.0.1:0"]', 'connect = ["tcp://127.0.0.1:1"]'),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "gateway", "run", "--json", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment()) as process:
        assert process.stdout is not None
        yield Running(process, json.loads(process.stdout.readline()), config)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
