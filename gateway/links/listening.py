"""Why nobody can listen at an address, for people: who holds the port, whose the address is, what may be done."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from gateway.links.endpoints import Address, AddressInvalid, parse_address

_PROC = Path("/proc")
_LISTENS = "0A"
"""State of a listening socket in /proc/net/tcp."""
_SHOWN = 80
"""Characters of a command line that are told."""


def refusal(where: str, fault: OSError, port: int) -> tuple[str, str]:
    """What is wrong with listening at ``where``, and what to do, in both languages."""
    said = fault.strerror or str(fault)
    zh, en = f"{where} 无法监听（{said}）", f"cannot listen on {where} ({said})"
    if fault.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{zh}：本用户不能用 1024 以下的端口；改用更大的端口，或授予 CAP_NET_BIND_SERVICE",
            f"{en}: this user may not use ports below 1024; take a higher one, or grant CAP_NET_BIND_SERVICE",
        )
    if fault.errno == errno.EADDRNOTAVAIL:
        return (
            f"{zh}：本机没有这个地址；写本机的地址或 0.0.0.0",
            f"{en}: this host has no such address; write one it has, or 0.0.0.0",
        )
    who = holder(port)
    if fault.errno == errno.EADDRINUSE and who:
        return (
            f"{zh}：端口被 {who} 占用；停止它，或在配置中改地址",
            f"{en}: the port is held by {who}; stop it or change the address in the configuration",
        )
    return (
        f"{zh}：停止占用它的程序，或在配置中改地址",
        f"{en}: stop what uses it or change the address in the configuration",
    )


def faults(listens: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """For each (name, address) that cannot be listened at, why; nothing stays bound."""
    found = []
    for name, text in listens:
        try:
            place = parse_address(text)
        except AddressInvalid as wrong:
            found.append((f"{text} {wrong.zh}", f"{text} {wrong.en}"))
            continue
        fault = None if place.path else _bound(place)
        if fault is not None:
            zh, en = refusal(f"{place.host}:{place.port}", fault, place.port)
            found.append((f"[[listen]] {name}：{zh}", f"[[listen]] {name}: {en}"))
    return found


def _bound(place: Address) -> OSError | None:
    """The fault of a listener there, if any."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((place.host, place.port))
            trial.listen(1)
    except OSError as fault:
        return fault
    return None


def holder(port: int) -> str:
    """The process that listens at ``port`` of this host, with its command line; empty where that cannot be known."""
    inodes = {f"socket:[{inode}]": None for inode in _inodes(port)}
    if not inodes:
        return ""
    for entry in sorted(_PROC.iterdir(), key=lambda one: one.name):
        if entry.name.isdigit() and _has(entry, inodes):
            return f"{_command(entry)} (pid {entry.name})"
    return ""


def _inodes(port: int) -> list[str]:
    found = []
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(fields[9])
    return found


def _has(process: Path, inodes: dict[str, None]) -> bool:
    try:
        return any(os.readlink(one) in inodes for one in (process / "fd").iterdir())
    except OSError:
        return False  # another user's, or gone meanwhile


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return "?"
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
