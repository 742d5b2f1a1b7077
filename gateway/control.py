"""The local control socket: how commands speak with a gateway that runs (nobody else writes to a store that is served).

A unix socket in the data directory; one JSON object a line asks, one a line answers.  Requests: ``{"do": "status"}`` and
``{"do": "submit", "document": <base64>}``.  Answers: ``{"ok": true, ...}`` or ``{"ok": false, "zh": ..., "en": ...}``.
Only this machine's user can reach it (0600), so there is no other authentication.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

log = structlog.get_logger()

Reply = dict[str, Any]
Handler = Callable[[dict[str, Any], Callable[[Reply], None]], None]
"""Takes a request and, once, now or later, hands over its reply."""

LONGEST = 32 << 20
"""Bytes of one request: a document of the largest size in base64, with room to spare."""
OPERATOR_LIMIT = 64
"""Characters of who acts, as wide as the history keeps it."""
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold, and lone surrogates: bytes of an argument that were no text."""
PATH_LIMIT = 100
"""Characters a unix socket's path may have everywhere."""


class ControlUnreachable(Exception):
    """No gateway listens at the control socket of a data directory."""


class ControlSilent(Exception):
    """A gateway took the request and did not answer in time: what it asked for may have happened."""


def socket_path(data_dir: Path, name: str = "control") -> Path:
    """Where the control socket of a data directory lies: in it, or where that path is too long in a private temp folder.

    ``name`` tells who listens: the gateway, or somebody else who belongs to that directory.
    """
    path = data_dir.absolute() / f"{name}.sock"
    if len(os.fsencode(path)) <= PATH_LIMIT:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bssgw-{os.getuid()}-{digest}" / f"{name}.sock"


def prepare(path: Path) -> None:
    """Makes the socket's folder private and removes a socket left by a gateway that was killed.

    To be called under the data directory's lock.  Raises OSError, PermissionError where the folder is somebody else's.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent}")
    path.unlink(missing_ok=True)
    Path(f"{path}.lock").unlink(missing_ok=True)


class ControlProtocol(LineOnlyReceiver):
    """One command's connection: requests in, replies out in the order they are ready."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def lineReceived(self, line: bytes) -> None:
        """One request."""
        try:
            request = json.loads(line)
            handler = self._handlers[request["do"]]
        except (ValueError, KeyError, TypeError):
            self._reply(refusal("不认识的请求", "unknown request"))
            return
        unfit = _unfit(request)
        if unfit is not None:
            self._reply(refusal(*unfit))
            return
        try:
            handler(request, self._reply)
        except Exception:
            # a defect: without words the command would have to guess whether it was done
            log.exception("control.defect", do=request["do"])
            self._reply(refusal("网关内部错误，详见网关日志", "internal error of the gateway, see its log"))

    def _reply(self, reply: Reply) -> None:
        transport: Any = self.transport
        if transport is not None and transport.connected:
            transport.write(json.dumps(reply, ensure_ascii=False).encode() + self.delimiter)


class ControlFactory(Factory):
    """Serves the given requests by name."""

    noisy = False

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def buildProtocol(self, addr: Any) -> ControlProtocol:
        """A connection."""
        protocol = ControlProtocol(self._handlers)
        protocol.factory = self
        return protocol


def _unfit(request: dict[str, Any]) -> tuple[str, str] | None:
    """Why a request is not even looked at: nothing may get in here that no store and no document could keep."""
    if len(str(request.get("operator", ""))) > OPERATOR_LIMIT:
        return f"操作员代码超过 {OPERATOR_LIMIT} 个字符", f"an operator has at most {OPERATOR_LIMIT} characters"
    if _holds_unfit([value for name, value in request.items() if name != "document"]):
        return "文本含控制字符或残缺的字符", "a text holds a control character, or a broken one"
    return None


def _holds_unfit(value: Any) -> bool:
    if isinstance(value, str):
        return _UNFIT.search(value) is not None
    if isinstance(value, dict):
        return _holds_unfit([*value.keys(), *value.values()])
    return isinstance(value, list) and any(_holds_unfit(one) for one in value)


def refusal(zh: str, en: str) -> Reply:
    """A reply that says why not."""
    return {"ok": False, "zh": zh, "en": en}


def document_of(request: dict[str, Any]) -> bytes | None:
    """The bytes of a submit request; None where there are none."""
    try:
        return base64.b64decode(request["document"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        return None


def ask(data_dir: Path, request: dict[str, Any], timeout: float = 30.0, name: str = "control") -> Reply:
    """Sends one request to the gateway of ``data_dir`` (or to who listens under ``name`` there) and waits for its reply.

    Raises ControlUnreachable where nobody listens, ControlSilent where no answer came.
    """
    path = socket_path(data_dir, name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except OSError as fault:
            raise ControlUnreachable(f"{path}: {fault}") from fault
        try:
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
        except OSError as fault:
            raise ControlSilent(f"{path}: {fault}") from fault
    if not line.endswith(b"\n"):
        raise ControlSilent(f"{path}: closed without an answer")
    reply: Reply = json.loads(line)
    return reply


def submit(data_dir: Path, document: bytes, timeout: float = 60.0) -> Reply:
    """Hands a document to the running gateway; its reply carries the receipt. Raises as ``ask``."""
    return ask(data_dir, {"do": "submit", "document": base64.b64encode(document).decode()}, timeout)
