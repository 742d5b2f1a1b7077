"""Everything a partner is handed: the reference with XSDs, WSDLs, samples and packets, as files or as one zip, byte for byte
the same from the same data."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from gateway.reference.html import html
from gateway.reference.markdown import markdown
from gateway.reference.page import Book, Language
from schemas.loader import Catalogue
from schemas.wsdl import Contract, offered

HTML = "index.html"
WHOLE = "interface.xsd"
"""The schema that judges a whole document, as the gateway does: a Package's body is any message, declared elsewhere."""
_ADDRESS = "https://gateway.example/soap"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The zip's clock begins here; files have no other time."""


def files_of(catalogue: Catalogue, book: Book, language: Language) -> dict[str, bytes]:
    """Every file by its path, sorted."""
    found = {HTML: html(book, language).encode()}
    found |= {f"markdown/{name}": text.encode() for name, text in markdown(book, language).items()}
    found |= book.files
    for folder, pattern in (("xsd", "*.xsd"), ("samples", "*.xml")):
        top = catalogue.root / folder
        found |= {f"{folder}/{path.relative_to(top).as_posix()}": path.read_bytes() for path in top.rglob(pattern)}
    found[f"xsd/{WHOLE}"] = catalogue.driver().encode()
    found |= _services(catalogue)
    return dict(sorted(found.items()))


def _services(catalogue: Catalogue) -> dict[str, bytes]:
    """A WSDL with its schemas for each role that takes messages by SOAP."""
    found: dict[str, bytes] = {}
    roles = dict.fromkeys(route.receiver for row in catalogue.messages() for route in row.routes if route.receiver != "*")
    for role in roles:
        contract = Contract(catalogue, offered(catalogue, role), f"{role.capitalize() if role.islower() else role}Service")
        found[f"wsdl/{role}/{role}.wsdl"] = contract.wsdl(_ADDRESS, "")
        found |= {f"wsdl/{role}/{name}": data for name, data in contract.schemas.items()}
    return found


def write_folder(files: dict[str, bytes], folder: Path) -> None:
    """Writes the files below ``folder``; others that stand there stay. Raises OSError."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def zipped(files: dict[str, bytes]) -> bytes:
    """The files as one archive: sorted, without times or owners."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compresslevel=9)
    return packed.getvalue()
