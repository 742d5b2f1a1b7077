"""A link test beside the gateway on a socket: one connection, TLS and LN01 where the row says so, one LN03 (spec 02.1).

Framing, envelope and charset are the peer row's; the session machine is the gateway's own, driven here by a plain socket.
Every step is told as it happens.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import Any

from adapters.document import DocumentRefused
from adapters.wire.events import Answered, Close, Event, Ready, Unmatched
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.session import LocalError, Session
from gateway.answers import judge
from gateway.clock import wall_ms
from gateway.config.model import Config, Peer
from gateway.links.endpoints import parse_address
from gateway.links.links import settings_of
from gateway.onboarding.link_test import Failed, LinkTrial, Result, Told, client_context, shown_text, tls_failed
from gateway.onboarding.post import post_test
from gateway.stamp import stamp_of
from gateway.tls.faults import SILENT, fault_of
from schemas.loader import layouts_in, load

_TURN_S = 0.05
_READ = 65536
_TLS = "tls://"


def run_test(config: Config, peer: Peer, text: str, timeout: float, told: Told) -> Result:
    """The test of ``peer``; ``told`` hears each step. The result says ``ok``, texts in both languages and all steps."""
    trial = LinkTrial(config, peer, told)
    try:
        if peer.binding != "socket":
            return post_test(trial, text, timeout)
        return _first_address(trial, text, timeout)
    except Failed as end:
        return trial.result(False, end.zh, end.en, unreachable=end.unreachable)


def _first_address(trial: LinkTrial, text: str, timeout: float) -> Result:
    """The test at the first address where somebody is."""
    last: Failed | None = None
    for address in trial.peer.connect:
        try:
            wire = _connected(trial, address)
        except Failed as end:
            trial.tell("connect", end.zh, end.en)
            last = end if last is None or not end.unreachable else last
            continue
        with wire:
            return _Conversation(trial, wire, text, timeout).run()
    if last is not None and not last.unreachable:
        raise last
    zh, en = "所有地址都连不上：检查地址、防火墙、对端是否在监听", "no address can be reached: check address and firewall"
    raise Failed(zh, en, unreachable=True)


def _connected(trial: LinkTrial, address: str) -> socket.socket:
    """A connection to one address, behind TLS where it says so. Raises Failed."""
    secure = address.startswith(_TLS)
    where = parse_address(address.replace(_TLS, "tcp://", 1) if secure else address)
    try:
        wire = socket.create_connection((where.host, where.port), timeout=trial.peer.timers.connect)
    except OSError as fault:
        raise Failed(f"{address} 连不上：{fault}", f"{address} cannot be reached: {fault}", unreachable=True) from fault
    trial.tell("connect", f"已连接 {address}", f"connected to {address}")
    if not secure:
        return wire
    try:
        shaken = client_context(trial.peer.tls).wrap_socket(wire, server_hostname=where.host)
    except OSError as fault:
        wire.close()
        raise tls_failed(SILENT if isinstance(fault, TimeoutError) else fault_of(fault)) from fault
    trial.secured(shaken)
    return shaken


class _Conversation:
    """What is said on one connection: registration and login where asked for, then the question."""

    def __init__(self, trial: LinkTrial, wire: socket.socket, text: str, timeout: float) -> None:
        self._trial = trial
        self._wire = wire
        self._text = text
        self._timeout = timeout
        peer = trial.peer
        rows = {row.name: row for row in (*load().layouts(), *layouts_in(trial.config.gateway.layouts))}
        layout = Layout(rows[peer.layout])
        self._greeter = None if layout.carries("password") else trial.logins.greeter(peer)
        settings = replace(settings_of(peer, trial.config.gateway.system_id), dialled=True, login=self._greeter is not None)
        self._session = Session(layout, settings, wall_ms(), trial.speeches.describe((peer,)))
        self._stamp = stamp_of(layout, trial.codec.catalogue, peer, trial.logins.secret(peer))
        self._greeting: str | None = None
        try:
            self._packet, self._header = trial.question(text)
        except (LookupError, ValueError) as fault:
            raise Failed(f"无法写出 LN03：{fault}", f"LN03 cannot be written: {fault}") from fault
        self._asked = False
        self._end = wall_ms() + int(timeout * 1000)

    def run(self) -> Result:
        """To its end. Raises Failed."""
        self._wire.settimeout(_TURN_S)
        while wall_ms() < self._end and not self._session.over:
            self._speak()
            data = self._read()
            if data is None:
                events = self._session.timeout(wall_ms())
            else:
                events = self._session.receive(data, wall_ms()) if data else self._session.closed(wall_ms())
            found = self._heard(events)
            if found is not None:
                return found
            if data == b"":
                raise Failed(*self._broken_off())
        raise Failed(*self._silent())

    def _speak(self) -> None:
        if self._session.registered and self._greeter is not None and self._greeting is None:
            login, due = self._greeter.greeting()
            self._greeting = login.serial
            self._send(login, due, greeting=True)
            user = self._trial.peer.login.user
            self._trial.tell("login", f"以 {user} 登录（LN01）", f"logging in as {user} (LN01)", text=self._shown(login))
        elif self._session.entered and not self._asked:
            self._asked = True
            self._send(self._packet, self._end)
            self._trial.tell("test", "链路测试（LN03）", "link test (LN03)", text=self._shown(self._packet))
        out = self._session.to_send()
        if out:
            try:
                self._wire.sendall(out)
            except ssl.SSLError as fault:
                raise tls_failed(fault_of(fault)) from fault
            except OSError as fault:
                raise Failed(*self._broken_off()) from fault
            self._trial.tell("→", f"发出 {len(out)} 字节", f"{len(out)} bytes out", out)

    def _send(self, packet: Packet, due: int, *, greeting: bool = False) -> None:
        if self._stamp is not None:
            self._stamp(packet)
        try:
            self._session.send(packet, wall_ms(), due, greeting=greeting)
        except LocalError as fault:
            raise Failed(f"不能发送：{fault.zh}", f"cannot be sent: {fault.en}") from fault

    def _read(self) -> bytes | None:
        """What came; None for nothing yet, empty at the end."""
        try:
            data = self._wire.recv(_READ)
        except TimeoutError:
            return None
        except ssl.SSLError as fault:
            raise tls_failed(fault_of(fault)) from fault
        except OSError:
            return b""
        if data:
            self._trial.tell("←", f"收到 {len(data)} 字节", f"{len(data)} bytes in", data)
        return data

    def _heard(self, events: list[Event]) -> Result | None:
        """The verdict, once there is one. Raises Failed where the login is refused."""
        for event in events:
            if isinstance(event, Answered) and event.serial == self._greeting:
                self._welcomed(event.packet)
            elif isinstance(event, Answered | Unmatched):
                return self._trial.judged(event.packet, self._header, self._text)
            elif isinstance(event, Close):
                self._trial.tell("×", event.zh, event.en)
            elif isinstance(event, Ready):
                self._trial.tell("·", "对端已就绪", "the peer is ready")
        return None

    def _welcomed(self, packet: Packet) -> None:
        assert self._greeter is not None
        self._trial.tell("login", "登录的应答", "the answer to the login", text=self._shown(packet))
        if self._greeter.accepted(packet):
            self._session.admit()
            self._trial.tell("✓", "登录成功", "logged in")
            return
        code, zh, en = self._refusal(packet)
        raise Failed(
            f"登录被拒 {code} {zh}：核对 [peer.login] user、secret_file 与双方时钟",
            f"the login is refused: {code} {en}; check user and secret_file in [peer.login], and both clocks",
        )

    def _refusal(self, packet: Packet) -> tuple[str, str, str]:
        """Code and texts of a refused login."""
        assert self._greeter is not None
        trial = self._trial
        try:
            document = trial.voice.decode_answer(packet.body, packet.charset, self._greeter.asked)
        except DocumentRefused as refusal:
            return packet.result, f"应答不合格（{refusal}）", f"its answer is not acceptable ({refusal})"
        verdict: Any = judge(trial.codec.catalogue, packet, document)
        return verdict.code, verdict.zh, verdict.en

    def _broken_off(self) -> tuple[str, str]:
        if self._greeting is not None and not self._asked:
            return "登录时对端断开：核对 user、secret_file", "closed during the login: check user and secret_file"
        return "对端未应答即断开：检查包头格式、封装、口令", "closed without an answer: check layout, envelope, login"

    def _silent(self) -> tuple[str, str]:
        seconds = f"{self._timeout:g}"
        if self._greeting is not None and not self._asked:
            return "登录没有应答：核对包头格式与封装", "the login was not answered: check layout and envelope"
        if not self._session.registered:
            return f"{seconds} 秒内未能登记", f"not registered within {seconds} s"
        return f"{seconds} 秒内没有应答", f"no answer within {seconds} s"

    def _shown(self, packet: Packet) -> str:
        return shown_text(packet.body, packet.charset or self._trial.peer.charset)
