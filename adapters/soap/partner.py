"""A partner's WSDL, read by zeep: which operation takes our message, how its envelope is built and its answer read.

zeep reads files and builds envelopes; it never sees a network.  What a WSDL imports must lie in its folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from adapters.soap.names import SoapVersion


class WsdlUnusable(ValueError):
    """The WSDL cannot be read, or offers no such operation; ``zh`` and ``en`` say so."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class PartnerOperation:
    """An operation as the partner's WSDL has it."""

    name: str
    version: SoapVersion
    action: str
    element: str
    service: Any


def _local_files(folder: Path) -> Any:
    """A zeep transport that reads the files of ``folder`` and nothing else."""
    from zeep.transports import Transport

    class FolderTransport(Transport):  # type: ignore[misc]
        """Files only."""

        def load(self, url: str) -> bytes:
            """A file of the folder. Raises WsdlUnusable."""
            parts = urlsplit(url)
            path = Path(parts.path if parts.scheme == "file" else url).resolve()
            if parts.scheme not in ("", "file") or not path.is_relative_to(folder):
                raise WsdlUnusable(f"WSDL 引用了 {url}：请放进同一目录", f"the WSDL refers to {url}: put it into its folder")
            return path.read_bytes()

    return FolderTransport()


class Partner:
    """One partner's service. Raises WsdlUnusable."""

    def __init__(self, path: Path) -> None:
        from zeep import Client, Settings

        path = path.resolve()
        settings = Settings(strict=True, forbid_dtd=True, forbid_entities=True, xml_huge_tree=False)
        try:
            self._client = Client(str(path), transport=_local_files(path.parent), settings=settings)
        except WsdlUnusable:
            raise
        except Exception as error:
            # zeep raises whatever its reading of a stranger's file runs into; a person has to look at the file
            zh, en = f"读不懂 WSDL {path.name}：{error!r}", f"cannot read the WSDL {path.name}: {error!r}"
            raise WsdlUnusable(zh, en) from error
        self.path = path
        ports = [port for service in self._client.wsdl.services.values() for port in service.ports.values()]
        if not any(_version(port.binding) for port in ports):
            raise WsdlUnusable(f"{path.name} 没有 SOAP 服务，不是 WSDL？", f"{path.name} has no SOAP service: is it a WSDL?")

    def operation(self, name: str, wanted: SoapVersion, element: str = "") -> PartnerOperation:
        """The operation ``name``, or the one that takes ``element`` ({namespace}name); ``wanted`` version where offered."""
        found: list[PartnerOperation] = []
        for service in self._client.wsdl.services.values():
            for port in service.ports.values():
                version = _version(port.binding)
                for known, operation in port.binding._operations.items() if version is not None else ():
                    takes = getattr(getattr(operation.input, "body", None), "qname", None)
                    taken = takes.text if takes is not None else ""
                    if known == name or (element and taken == element):
                        proxy = self._client.bind(service.name, port.name)
                        found.append(PartnerOperation(known, version or wanted, operation.soapaction or "", taken, proxy))
        if not found:
            raise WsdlUnusable(f"{self.path.name} 没有操作 {name}", f"{self.path.name} has no operation {name}")
        return next((one for one in found if one.version == wanted), found[0])

    def takes(self, element: str, wanted: SoapVersion) -> PartnerOperation | None:
        """The operation for a message of ours, ``element`` ({namespace}name), by its name or by what it takes; None without."""
        try:
            return self.operation(etree.QName(element).localname, wanted, element)
        except WsdlUnusable:
            return None

    def text_envelope(self, operation: PartnerOperation, text: str) -> bytes:
        """The envelope of a call with ``text`` as its one parameter, in the partner's own names."""
        envelope = self._client.create_message(operation.service, operation.name, text)
        return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


def _version(binding: Any) -> SoapVersion | None:
    name = type(binding).__name__
    return {"Soap11Binding": "1.1", "Soap12Binding": "1.2"}.get(name)  # type: ignore[return-value]
