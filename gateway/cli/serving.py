"""A gateway as a process: store opened, links up, control socket answering, simulators beside it where asked for.

Everything here runs under ``task.react``; what can go wrong at the start ends as one line that says what to do.
"""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.engine import Engine
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from adapters.document import DocumentRefused
from adapters.soap.partner import WsdlUnusable
from adapters.store.engine import open_engine
from adapters.store.store import Store
from adapters.wire.times import wire_time
from gateway import control
from gateway.cli.desk_requests import desk_requests
from gateway.cli.output import CommandFailed, Exit
from gateway.cli.stores import store_file
from gateway.clock import Entropy, WallClock
from gateway.config.model import Config, Peer
from gateway.links import listening
from gateway.links.endpoints import CONNECT_LIMIT, AddressInvalid, TcpEndpoints, format_address
from gateway.logs import Logs
from gateway.runners import CommitThreadRunner, ThreadRunner
from gateway.service import Gateway
from gateway.store_guard import GuardedStore, StoreFile, only_this_file

log = structlog.get_logger()

GC_THRESHOLD = 50_000
"""Allocations between collections once started: what lives for ever was frozen, the rest is freed by reference counts."""


class Serving:
    """One gateway in this process over ``reactor``; ``entropy`` seeded or not."""

    def __init__(self, config: Config, reactor: Any, clock: WallClock, entropy: Entropy) -> None:
        self.config = config
        self._reactor = reactor
        self._clock = clock
        self.engine: Engine = open_engine(config.database_url)
        self.reader: Engine = open_engine(config.database_url, read_only=True)
        local = self.engine.dialect.name == "sqlite"
        self._runner = (CommitThreadRunner if local else ThreadRunner)(reactor.callFromThread)
        store = self._guarded(store_file(config))
        # A link ends its own attempts by its peer row; the endpoints' limit only has to let each have its time.
        self.endpoints = TcpEndpoints(reactor, max([CONNECT_LIMIT, *(peer.timers.connect for peer in config.peer)]))
        self.gateway = Gateway(config, clock, entropy, self.endpoints, store, self._runner)
        self._control: Any = None
        self._serial = 0

    def _guarded(self, path: Path | None) -> Store:
        """The store; where it is a file, never another than the one there is now."""
        if path is None:
            return Store(self.engine)
        file = StoreFile(path)
        for engine in (self.engine, self.reader):
            only_this_file(engine, file)
        return GuardedStore(self.engine, file)

    async def start(self) -> None:
        """Listens and connects. Raises CommandFailed with every address that cannot be listened at."""
        found = listening.faults((row.name, row.address) for row in self.config.listen)
        if len(found) == 1:
            raise CommandFailed(Exit.USAGE, *found[0])
        if found:
            lines = "".join(f"\n  {zh} / {en}" for zh, en in found)
            n = len(found)
            raise CommandFailed(Exit.USAGE, f"{n} 个地址无法监听", f"{n} addresses cannot be listened at:{lines}")
        try:
            await self.gateway.start()
        except CannotListenError as fault:
            raise cannot_listen(fault) from fault
        except AddressInvalid as fault:
            raise CommandFailed(
                Exit.USAGE, f"地址 {fault.address} {fault.zh}", f"address {fault.address} {fault.en}"
            ) from fault
        except WsdlUnusable as fault:
            raise CommandFailed(Exit.USAGE, fault.zh, fault.en) from fault
        path = control.socket_path(self.config.data_dir)
        control.prepare(path)
        factory = control.ControlFactory({"status": self._status, "submit": self._submit, **desk_requests(self.gateway)})
        self._control = await self.endpoints.server(f"unix://{path}").listen(factory)
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        gc.enable()

    async def stop(self) -> None:
        """Finishes what is under way, then closes everything."""
        if self._control is not None:
            await self._control.stopListening()
        await self.gateway.stop()
        self._runner.stop()
        self.engine.dispose()
        self.reader.dispose()

    def address(self, listen: str) -> str:
        """Where a listener really listens (its port may have been 0)."""
        return format_address(self.gateway.addresses[listen])

    # -- control requests ---------------------------------------------------------------------------------------------

    def _status(self, _: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        reply({"ok": True, **self.gateway.status()})

    def _submit(self, request: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        raw = control.document_of(request)
        if raw is None:
            reply(control.refusal("请求里没有文档", "the request holds no document"))
            return
        try:
            package = self._packaged(raw)
        except DocumentRefused as refused:
            faults = [{"path": f.path, "found": f.found, "text": f.text} for f in refused.faults]
            row = self.gateway.codec.catalogue.result(refused.symbol)
            reply({"ok": False, "code": row.code, "text": f"{row.zh} / {row.en}", "details": [], "faults": faults})
            return

        def done(answer: bytes) -> None:
            reply(self._receipt(answer))

        self.gateway.submit_document(package, done)

    def _packaged(self, raw: bytes) -> bytes:
        """A whole Package as it is; a bare SubmitOrder in one from the counter, under a fresh serial."""
        from gateway.cli.packaging import bare_element, packaged

        element = bare_element(self.gateway.codec, raw)
        if element is None:
            return raw
        counter = channel_peer(self.config)
        self._serial += 1
        now = self._clock.now()
        serial = f"{counter.id:<6}{wire_time(now)}{self._serial:010d}"
        return packaged(self.gateway.codec, element, counter.id, self.config.gateway.system_id, serial, wire_time(now))

    def _receipt(self, answer: bytes) -> control.Reply:
        body = self.gateway.codec.decode(answer).body
        result = self.gateway.codec.catalogue.result(str(body["code"]))
        details = [[entry["name"], entry["value"]] for entry in body.get("details", [])]
        taken = result.category in ("ok", "accepted", "duplicate")
        return {"ok": taken, "code": result.code, "text": body["text"], "details": details, "faults": body.get("faults", [])}


def channel_peer(config: Config) -> Peer:
    """The peer orders are submitted as. Raises CommandFailed where the configuration has none."""
    found = next((peer for peer in config.peer if peer.role == "channel"), None)
    if found is None:
        raise CommandFailed(
            Exit.USAGE,
            '配置中没有 role = "channel" 的 [[peer]]：照 bssgw config example 加一个',
            'the configuration has no [[peer]] with role = "channel": add one as in bssgw config example',
        )
    return found


def cannot_listen(fault: CannotListenError) -> CommandFailed:
    """The one line for an address that is taken."""
    zh, en = listening.refusal(f"{fault.interface}:{fault.port}", fault.socketError, fault.port)
    return CommandFailed(Exit.USAGE, zh, en)


def with_free_ports(config: Config) -> Config:
    """Port 0 replaced by free ports, for a gateway and simulators that must know each other's before they start."""

    with ExitStack() as probes:  # all at once: a port given back may be the next one found

        def fixed(address: str) -> str:
            head, _, port = address.rpartition(":")
            if port != "0":
                return address
            probe = probes.enter_context(socket.socket())
            probe.bind((head.removeprefix("tcp://"), 0))
            return f"{head}:{probe.getsockname()[1]}"

        listens = tuple(row.model_copy(update={"address": fixed(row.address)}) for row in config.listen)
        peers = tuple(row.model_copy(update={"connect": tuple(map(fixed, row.connect))}) for row in config.peer)
    return config.model_copy(update={"listen": listens, "peer": peers})


def reopen_on_hangup(reactor: Any, logs: Logs) -> None:
    """SIGHUP, as tools that rotate logs send it, opens the log anew; nothing else: the configuration is read at a start."""

    def reopen() -> None:
        logs.reopen()
        zh, en = "日志文件已重新打开；改配置须重启", "log opened anew; a changed configuration needs a restart"
        log.info("log.reopened", zh=zh, en=en)

    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(reopen))


async def ending(reactor: Any) -> tuple[Deferred[None], Deferred[None]]:
    """Two Deferreds: the first fires when the process is asked to end (Ctrl-C, SIGTERM), the second is to be fired when
    everything is closed; the reactor waits for it. Comes back once the reactor runs: before that a signal is nobody's wish."""
    asked: Deferred[None] = Deferred()
    closed: Deferred[None] = Deferred()

    def shutdown() -> Deferred[None]:
        asked.callback(None)
        return closed

    reactor.addSystemEventTrigger("before", "shutdown", shutdown)
    begun: Deferred[None] = Deferred()
    reactor.callWhenRunning(begun.callback, None)
    await begun
    return asked, closed
