"""What stands for an envelope's content is kept ninety days: the same documents have the same digest in every release."""

from __future__ import annotations

from adapters.document import Document, Header
from adapters.soap.reading import digest_of
from schemas.loader import load

HEADER = Header("CH01", "CH0001202611220900000000000001", "CH0001", "CRM001", "025", "20261122090000", "0.9", "A")
KEPT = "549a7972ec1941b970405e6592fbde498f6f72654b2f37c40a8ace8a825cdbd8"


def test_the_digest_is_of_what_stands_on_the_wire() -> None:
    document = Document(load().message("CH01"), "SubmitOrder", HEADER, {"customer_order_id": "CO1"})
    found = digest_of(document, None)
    assert found is not None
    assert found.hex() == KEPT
    HEADER.operations = (("ADD", "1", ""),)
    assert digest_of(document, None) == found
