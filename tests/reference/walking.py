"""A reader who does what a page says, line by line, in an empty folder: the shell's blocks in order, gateways left running.

Where the reader would open another terminal a process is left behind; the ports the pages name become free ones, simulated
work is done fast, 42 becomes the id of a message the list before it has shown. Everything else is typed as it stands.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from gateway.cli import app
from gateway.config.file import example_text
from tests.reference.pages import ROOT, Fence, fences, lines_of

LIMIT_S = 60
_PORT = re.compile(r"127\.0\.0\.1:(7\d{3})\b")
_TARGET = re.compile(r"\s*(>>?)\s*(\S+)$")
_PREPARED = ("make venv", "export PATH=")
"""What the environment of the tests has done already."""
_SERVES = {"run": "就绪 ready", "simulate": "Ctrl-C 停止"}
"""Commands that go on until Ctrl-C, and what they print when they serve."""
_DEMO_OVER = "继续服务"
_AGAIN = "未完 not complete"
"""What a command prints that is to be asked again."""
_SIMULATED = ("--with-simulators", "simulate")


class Walk:
    """One page in ``folder``. ``edit`` is what the reader does with a block that is no shell's."""

    def __init__(self, folder: Path, edit: Callable[[Fence], None] = lambda _: None) -> None:
        self.folder = folder
        self._edit = edit
        self._ports: dict[str, str] = {}
        self._held: list[socket.socket] = []
        """Bound as long as the walk goes on: else the next port asked for, by us or anybody, may be the same one again."""
        self._left: list[subprocess.Popen[str]] = []
        self._list = ""
        self.said = ""
        self._defaults = folder / "built-in" / "bssgw.toml"
        self._defaults.parent.mkdir()
        self._defaults.write_text(self._local(example_text()), encoding="utf-8")

    def page(self, name: str, part: str = "") -> None:
        """Everything the page says, or the part of it under this heading; what it says that comes is held against what came."""
        for fence in fences(name):
            if part not in ("", fence.heading):
                continue
            if fence.language == "sh":
                self.said = "".join(self.line(line) for line in lines_of(fence.text))
            elif fence.language == "" and not re.search(r"^(bssgw|make) ", fence.text, re.M):
                self._came(fence)
            else:
                self._edit(fence)

    def line(self, line: str) -> str:
        """One line typed; what it printed. Fails with that where it ends with another status than 0."""
        if line.startswith(_PREPARED):
            return ""
        if "\n" in line or not line.startswith("bssgw "):
            shell = ["sh", "-c", self._local(line)]
            done = subprocess.run(shell, cwd=self.folder, capture_output=True, encoding="utf-8", timeout=LIMIT_S, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            said = done.stdout
        else:
            said = "".join(self._bssgw(one) for one in line.split(" && "))
        for path in self.folder.glob("*.toml"):
            path.write_text(self._local(path.read_text(encoding="utf-8")), encoding="utf-8")
        return said

    def end(self) -> None:
        """Ctrl-C in every terminal, the last one first. Everything must end well."""
        for process in reversed(self._left):
            process.terminate()  # what Ctrl-C does, too
            said, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, said
        for held in self._held:
            held.close()

    def _bssgw(self, call: str) -> str:
        target = _TARGET.search(call)
        words = shlex.split(self._local(call[: target.start()] if target else call))[1:]
        if words[0] in _SERVES:
            return self._serve(words)
        if words[:2] == ["message", "list"]:
            self._list = call
        elif "42" in words:
            words[words.index("42")] = self._shown()
        done = self._invoke(words)
        assert done.exit_code == 0, f"{call}\n{done.output}"
        if _AGAIN in done.stdout:
            return self._bssgw(call)
        if target:
            with (self.folder / target[2]).open("ab" if target[1] == ">>" else "wb") as file:
                file.write(done.stdout_bytes)
            return ""
        return done.stdout

    def _serve(self, words: list[str]) -> str:
        if any(word in words for word in _SIMULATED):
            words = [*words, "--speed", "50"]
        marker = _DEMO_OVER if "--demo" in words else _SERVES[words[0]]
        own = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "BSSGW_CONFIG": self._config()}
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", *words], cwd=self.folder, env={**os.environ, **own}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        self._left.append(process)
        assert process.stdout is not None
        said = ""
        while marker not in said:
            line = process.stdout.readline()
            assert line, f"{shlex.join(words)} ended\n{said}"
            said += line
        return said

    def _config(self) -> str:
        """As without ``BSSGW_CONFIG`` and ``--config``: the folder's own file, or else what is built in."""
        own = self.folder / "bssgw.toml"
        return str(own if own.is_file() else self._defaults)

    def _invoke(self, words: list[str]) -> Result:
        return CliRunner(env={"BSSGW_CONFIG": self._config()}).invoke(app.bssgw, words, catch_exceptions=False)

    def _shown(self) -> str:
        """The id of the newest message of the last list."""
        listed = self._invoke([*shlex.split(self._list)[1:], "--json"])
        return str(json.loads(listed.stdout)["messages"][0]["id"])

    def _local(self, text: str) -> str:
        return _PORT.sub(lambda found: f"127.0.0.1:{self._free(found[1])}", text)

    def _free(self, port: str) -> str:
        if port not in self._ports:
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a listener that asks for the port by name gets it
            held.bind(("127.0.0.1", 0))
            self._held.append(held)
            self._ports[port] = str(held.getsockname()[1])
        return self._ports[port]

    def _came(self, fence: Fence) -> None:
        for line in fence.text.splitlines():
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, self.said), (
                f"{fence.page}:{fence.line}: {line}\nstands there, but this came:\n{self.said}"
            )
