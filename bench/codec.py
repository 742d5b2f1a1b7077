"""Medians of the codec's hot path on the sample orders: decode, its steps, encode (libraries.md, hot path).

``python bench/codec.py [--json] [--rounds N]``; microseconds a document.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from adapters.document import Document, Header
from adapters.xml.charset import encode_document, read
from adapters.xml.codec import Codec
from adapters.xml.readers import is_plain
from schemas.loader import load

# two items, 1.8 kB, 68 elements: the document the figures of libraries.md were taken with
SAMPLE = "samples/SubmitOrder/ok_pots_relocate.xml"
LOOPS = 300


def medians(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Interleaved rounds of LOOPS calls each; the median round, in microseconds a call."""
    figures: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(LOOPS):
                step()
            figures[name].append((time.perf_counter() - start) / LOOPS * 1e6)
    return {name: round(statistics.median(values), 1) for name, values in figures.items()}


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--sample", default=SAMPLE, help="below schemas/")
    chosen = options.parse_args()
    catalogue = load()
    codec = Codec(catalogue)
    schema = catalogue.schema()
    text = Path(catalogue.root / chosen.sample).read_text(encoding="utf-8")
    pretty = encode_document(text.replace('encoding="UTF-8"', 'encoding="GB18030"'), "GB18030")
    order = codec.encode(codec.decode(pretty), "GB18030")
    document = codec.decode(order, "GB18030")
    data = read(order, "GB18030").data
    root = codec.parser.parse_shallow(data)
    receipt = Document(
        document.row,
        "Receipt",
        Header("CH01", "CRM001" + "0" * 24, "CRM001", "CH0001", "020", "20261121114000", ref_serial="CH0001" + "0" * 24),
        {"code": "0001", "text": "已受理 / accepted", "details": [{"name": "service_order_id", "value": "SO1"}]},
    )
    release = codec._releases[document.header.version]
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: codec.decode(order, "GB18030"),
        "decode_indented": lambda: codec.decode(pretty, "GB18030"),
        "charset": lambda: read(order, "GB18030"),
        "charset_and_parse": lambda: codec.parser.parse_shallow(read(order, "GB18030").data),
        "validate": lambda: schema.validate(root),
        "to_dict": lambda: codec._document(root, release, is_plain(data)),
        "encode": lambda: codec.encode(document, "GB18030"),
        "encode_utf8": lambda: codec.encode(document, "UTF-8"),
        "encode_receipt": lambda: codec.encode(receipt, "GB18030"),
    }
    figures: dict[str, float | int] = {"bytes": len(order), "elements": sum(1 for _ in root.iter())}
    # as the gateway does after its start
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    figures |= medians(steps, chosen.rounds)
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
