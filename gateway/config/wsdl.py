"""Whether a partner's WSDL, named in a peer's row, can be used for what we send it (spec 01.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.loader import RELEASE, UnknownName, load
from schemas.toml_lines import KeyPath
from schemas.wsdl import TEXT_OPERATIONS, offered

_Found = tuple[KeyPath, str, str, str]


def wsdl_checks(path: KeyPath, row: dict[str, Any], base: Path) -> Iterator[_Found]:
    """A file that is no WSDL, lacks the operation that carries text, or takes no message we send; each of them
    ``bssgw peer check`` looks for."""
    http = row.get("http")
    name = http.get("wsdl_file") if isinstance(http, dict) else None
    if not isinstance(http, dict) or not isinstance(name, str) or row.get("binding") != "soap" or not (base / name).is_file():
        return
    from adapters.soap.partner import Partner, WsdlUnusable

    version: Any = http.get("soap", "1.1")
    operation = http.get("operation", "document")
    where = (*path, "http", "wsdl_file")
    try:
        partner = Partner(base / name)
        if operation in TEXT_OPERATIONS:
            partner.operation(operation, version)
        elif not _takes_any(partner, row, version):
            zh = '没有本方要发的任何报文的操作：核对文件，或改 operation = "exchange"'
            yield where, repr(name), zh, 'has no operation for any message we send: check the file, or operation = "exchange"'
    except WsdlUnusable as fault:
        yield where, repr(name), fault.zh, fault.en


def _takes_any(partner: Any, row: dict[str, Any], version: Any) -> bool:
    """Whether it has an operation for one of the messages the peer's role takes."""
    catalogue = load()
    schema = str(row.get("schema_version", RELEASE))
    try:
        release = catalogue.version(schema)
    except UnknownName:
        return True  # told elsewhere
    wanted = [f"{{{release.message_namespace}}}{one.name}" for one in offered(catalogue, str(row.get("role")), schema)]
    return not wanted or any(partner.takes(element, version) for element in wanted)
