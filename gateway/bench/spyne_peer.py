"""A SOAP server made by another toolkit: spyne, with classes made from our shapes (``pip install bss-gateway[spyne]``).

The yardstick of ``bssgw bench soap`` and a partner in the interoperability suite.  It validates types and answers every
message with a fixed answer; it stores nothing.  spyne's own transports do not run any more, its core does, under a stock
twisted.web site.  Run as a process: ``python -m gateway.bench.spyne_peer --role CRM``; prints ``{"ready": URL}``.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.bench.bare_pipeline import UntilInputEnds
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import RECEIPT, RELEASE, Catalogue, load
from schemas.shape import Leaf, ListOf, Raw, Shape, Struct
from schemas.wsdl import offered, soap_namespace

_HEADER = ("MessageCode", "Serial", "Sender", "Receiver", "Area", "SendTime", "Version", "Mode", "Ttl", "RefSerial",
           "ResultCode", "ResultText")  # fmt: skip


class SpyneTypes:
    """spyne classes for our shapes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._primitives: Any = import_module("spyne.model.primitive")
        self._complex: Any = import_module("spyne.model.complex")
        self._namespace = catalogue.version(RELEASE).message_namespace
        self._count = 0

    def element(self, name: str, shape: Shape) -> Any:
        """The class of a body element."""
        return self._structure(name, shape)

    def header(self) -> Any:
        """The class of the header block; only what a bench or a test looks at."""
        package = load().version(RELEASE).namespace
        text = self._primitives.Unicode
        fields = [(name, text(sub_ns=package)) for name in _HEADER]
        return self._complex.ComplexModelMeta(
            "PackageHeader", (self._complex.ComplexModel,),
            {"__namespace__": soap_namespace(), "_type_info": fields},
        )  # fmt: skip

    def _structure(self, name: str, shape: Shape) -> Any:
        fields = []
        for field in shape.fields if isinstance(shape, Struct) else ():
            if isinstance(field.shape, Raw):
                continue
            kind = self._type(field.name, field.shape)
            fields.append((field.name, kind.customize(min_occurs=int(field.required), nillable=False)))
        return self._complex.ComplexModelMeta(
            name, (self._complex.ComplexModel,), {"__namespace__": self._namespace, "_type_info": fields}
        )

    def _type(self, name: str, shape: Shape) -> Any:
        self._count += 1
        if isinstance(shape, Leaf):
            return self._leaf(shape)
        if isinstance(shape, ListOf):
            item = self._type(shape.name, shape.item).customize(min_occurs=1, max_occurs="unbounded", nillable=False)
            return self._complex.ComplexModelMeta(
                f"{name}_{self._count}", (self._complex.ComplexModel,),
                {"__namespace__": self._namespace, "_type_info": [(shape.name, item)]},
            )  # fmt: skip
        return self._structure(f"{name}_{self._count}", shape)

    def _leaf(self, shape: Leaf) -> Any:
        if shape.kind == "int":
            return self._primitives.Integer
        if shape.kind == "bool":
            return self._primitives.Boolean
        limits: dict[str, Any] = {}
        if shape.max_length is not None:
            limits["max_len"] = shape.max_length
        if shape.min_length is not None:
            limits["min_len"] = shape.min_length
        if shape.enumeration:
            limits["values"] = list(shape.enumeration)
        if shape.patterns:
            limits["pattern"] = shape.patterns[0]
        return self._primitives.Unicode(**limits) if limits else self._primitives.Unicode


def fixed(shape: Shape, kind: Any) -> Any:
    """A value of a spyne class with every required leaf filled."""
    if isinstance(shape, Leaf):
        if shape.kind == "int":
            return max(1, shape.min_value or 1)
        if shape.kind == "bool":
            return True
        return shape.enumeration[0] if shape.enumeration else "1" * max(1, shape.min_length or 1)
    if isinstance(shape, ListOf):
        (name, item), *_ = kind._type_info.items()
        return (kind.__orig__ or kind)(**{name: [fixed(shape.item, item)]})
    values = {}
    for field in shape.fields if isinstance(shape, Struct) else ():
        if field.required:
            values[field.name] = fixed(field.shape, kind._type_info[field.name])
    return (kind.__orig__ or kind)(**values)


def application(catalogue: Catalogue, names: tuple[str, ...], soap: str = "1.1", *, headers: bool = True) -> Any:
    """A spyne application that takes the messages ``names``: validates, answers 0001 or the answer filled with anything.

    Without ``headers`` it knows no header block: with one, the WSDL spyne writes refers to a message it does not define.
    """
    decorator: Any = import_module("spyne.decorator")
    service: Any = import_module("spyne.service")
    protocols: Any = import_module("spyne.protocol.soap.soap11" if soap == "1.1" else "spyne.protocol.soap.soap12")
    core: Any = import_module("spyne.application")
    protocol = getattr(protocols, "Soap11" if soap == "1.1" else "Soap12")
    types = SpyneTypes(catalogue)
    receipt = types.element(RECEIPT, catalogue.shape(RECEIPT))
    methods: dict[str, Any] = {}
    if headers:
        methods["__in_header__"] = methods["__out_header__"] = types.header()
    for name in names:
        row = catalogue.by_element(name)
        request = types.element(name, catalogue.shape(name))
        if not request._type_info:
            continue  # spyne knows no element without content
        answer = receipt if row.answer is None else types.element(row.answer, catalogue.shape(row.answer))
        value = receipt(code="0001", text="ok") if row.answer is None else fixed(catalogue.shape(row.answer), answer)
        methods[name] = decorator.rpc(
            request, _returns=answer, _body_style="bare", _in_message_name=name, _out_message_name=row.answer or RECEIPT
        )(_answering(name, value))
    made = type("Interface", (service.ServiceBase,), methods)
    namespace = catalogue.version(RELEASE).message_namespace
    return core.Application([made], tns=namespace, name="Partner", in_protocol=protocol(validator="lxml"),
                            out_protocol=protocol())  # fmt: skip


def _answering(name: str, value: Any) -> Any:
    def method(ctx: Any, _request: Any) -> Any:
        given = ctx.in_header
        if given is not None:
            given.Sender, given.Receiver = given.Receiver, given.Sender
            given.ResultCode = getattr(value, "code", None) or "0000"
            ctx.out_header = given
        return value

    method.__name__ = name
    return method


class SpyneResource(Resource):
    """The application behind HTTP."""

    isLeaf = True

    def __init__(self, app: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        server: Any = import_module("spyne.server")
        self._context: Any = import_module("spyne.context").MethodContext
        self._server = server.ServerBase(app)
        app.transport = "http://schemas.xmlsoap.org/soap/http"
        self._interface: Any = import_module("spyne.interface.wsdl").Wsdl11(app.interface)

    def render_GET(self, request: Any) -> bytes:
        """The WSDL spyne writes."""
        self._interface.build_interface_document(f"http://{request.getHeader('host')}/soap")
        document: bytes = self._interface.get_interface_document()
        return document

    def render_POST(self, request: Any) -> bytes:
        """One call."""
        initial = self._context(self._server, self._context.SERVER)
        initial.in_string = [request.content.read()]
        context = self._server.generate_contexts(initial, "utf-8")[0]
        if context.in_error is None:
            self._server.get_in_object(context)
        if context.in_error is None:
            self._server.get_out_object(context)
        else:
            context.out_error = context.in_error
        self._server.get_out_string(context)
        if context.out_error is not None:
            request.setResponseCode(500)
        request.setHeader("Content-Type", "text/xml; charset=utf-8")
        return b"".join(context.out_string)


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Serve until standard input ends."""
    from twisted.internet.stdio import StandardIO

    done: Deferred[None] = Deferred()
    catalogue = load()
    names = tuple(row.name for row in offered(catalogue, options.role)) if not options.only else tuple(options.only.split(","))
    site: Any = Site(SpyneResource(application(catalogue, names, options.soap, headers=not options.headless)), reactor=reactor)

    def ready(port: Any) -> None:
        print(json.dumps({"ready": f"http://127.0.0.1:{port.getHost().port}/soap"}), flush=True)

    TcpEndpoints(reactor).server("tcp://127.0.0.1:0").listen(site).addCallbacks(ready, done.errback)
    StandardIO(UntilInputEnds(done), reactor=reactor)
    return done


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="a SOAP server made with spyne")
    parser.add_argument("--role", default="CRM", help="whose messages it takes")
    parser.add_argument("--only", default="", help="these messages only, separated by commas")
    parser.add_argument("--soap", default="1.1", choices=("1.1", "1.2"))
    parser.add_argument("--headless", action="store_true", help="no header blocks")
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
