"""The control socket: requests over a real unix socket, and plain words where nobody answers."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from twisted.internet.testing import StringTransport

from adapters.store import tables
from gateway import control
from gateway.data_directory import DirectoryHeld, DirectoryUnusable, held


def conversation(handlers: dict[str, control.Handler], *lines: bytes) -> list[dict[str, Any]]:
    protocol = control.ControlFactory(handlers).buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    for line in lines:
        protocol.dataReceived(line + b"\n")
    return [json.loads(line) for line in transport.value().splitlines()]


def test_a_request_reaches_its_handler_and_its_reply_returns() -> None:
    handlers: dict[str, control.Handler] = {"status": lambda request, reply: reply({"ok": True, "echo": request["x"]})}
    assert conversation(handlers, b'{"do": "status", "x": "\xe5\xbc\xa0"}') == [{"ok": True, "echo": "张"}]


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"do": "dance"}', b'{"other": 1}', b'{"do": ["status"]}', b"7"])
def test_what_is_no_request_is_refused_and_the_connection_goes_on(line: bytes) -> None:
    handlers: dict[str, control.Handler] = {"status": lambda _, reply: reply({"ok": True})}
    refused, fine = conversation(handlers, line, b'{"do": "status"}')
    assert refused["ok"] is False
    assert refused["zh"]
    assert refused["en"]
    assert fine == {"ok": True}


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "a\x00b"},
        {"reason": "\udcff"},
        {"changes": {"PLAN": ["\x1b[2J"]}},
        {"changes": {"\ufffe": "1"}},
        {"operator": "O" * (control.OPERATOR_LIMIT + 1)},
    ],
)
def test_what_no_store_keeps_is_refused_before_anything_is_done(fields: dict[str, Any]) -> None:
    handlers: dict[str, control.Handler] = {"fallout": lambda _, reply: reply({"ok": True})}
    refused, fine = conversation(
        handlers,
        json.dumps({"do": "fallout", **fields}).encode(),
        json.dumps({"do": "fallout", "operator": "O" * control.OPERATOR_LIMIT, "reason": "两行\n文字\t𠮷"}).encode(),
    )
    assert (refused["ok"], bool(refused["zh"]), bool(refused["en"]), fine) == (False, True, True, {"ok": True})


def test_an_operator_fits_the_history() -> None:
    assert tables.history.c.actor.type.length == control.OPERATOR_LIMIT


def test_a_handler_that_breaks_is_told_of_in_words_and_in_the_log() -> None:
    def broken(_: dict[str, Any], reply: Any) -> None:
        raise ZeroDivisionError

    with capture_logs() as lines:
        [told] = conversation({"submit": broken}, b'{"do": "submit"}')
    assert told["ok"] is False
    assert "log" in told["en"]
    assert "日志" in told["zh"]
    assert [line["event"] for line in lines] == ["control.defect"]


def test_a_reply_that_comes_after_the_asker_left_is_dropped() -> None:
    waiting: list[Any] = []
    protocol = control.ControlFactory({"submit": lambda _, reply: waiting.append(reply)}).buildProtocol(None)
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(b'{"do": "submit"}\n')
    transport.connected = False
    waiting[0]({"ok": True})
    assert transport.value() == b""


@pytest.mark.parametrize("request_", [{}, {"document": 7}, {"document": "%%%"}])
def test_a_submission_without_a_document_is_seen(request_: dict[str, Any]) -> None:
    assert control.document_of(request_) is None


def test_the_asker_speaks_over_the_socket_of_the_data_directory(tmp_path: Path) -> None:
    path = control.socket_path(tmp_path)
    control.prepare(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                request = json.loads(stream.readline())
                stream.write(json.dumps({"ok": True, "size": len(control.document_of(request) or b"")}).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert control.submit(tmp_path, b"<SubmitOrder/>") == {"ok": True, "size": 14}
        thread.join()


def test_a_gateway_that_ends_without_an_answer_is_not_taken_for_none(tmp_path: Path) -> None:
    path = control.socket_path(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(control.ControlSilent):
            control.ask(tmp_path, {"do": "status"})
        thread.join()


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(control.ControlUnreachable):
        control.ask(tmp_path, {"do": "status"})


def test_a_socket_left_by_a_killed_gateway_is_removed(tmp_path: Path) -> None:
    path = control.socket_path(tmp_path)
    path.touch()
    control.prepare(path)
    assert not path.exists()


def test_a_data_directory_too_deep_for_a_socket_gets_a_private_place(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    path = control.socket_path(deep)
    assert len(os.fsencode(path)) <= control.PATH_LIMIT
    assert path == control.socket_path(deep)
    assert path != control.socket_path(tmp_path / ("e" * 120))


def test_two_gateways_never_hold_one_data_directory(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from gateway.data_directory import held\n"
        "with held(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DirectoryHeld, match=str(other.pid)), held(tmp_path):
            pass
        other.stdin.close()
    with held(tmp_path):
        pass


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryUnusable, match="--data-dir"), held(tmp_path / "file" / "below"):
        pass
