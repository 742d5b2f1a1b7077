"""What framing costs: ctif-128 packets written and read a second, and one packet of 1 MiB fed byte by byte.

    python bench/framing.py [--layout ctif-128] [--body 1700] [--rounds 40] [--json]

Aims: header and checksum written and read (``codec_us``) below 9 µs a packet of 1.7 kB; 1 MiB byte by byte below 2 s of
CPU.  ``through_framer_us`` is writing plus the whole way in, with the body cut out of the stream.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from importlib import resources
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # runs from a clone, installed or not

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from schemas.model import LayoutField, LayoutRow

MIB = 1 << 20
BATCH = 500


def load(name: str) -> Layout:
    data = tomllib.loads(resources.files("schemas").joinpath(f"layouts/{name}.toml").read_text("utf-8"))
    return Layout(LayoutRow(fields=tuple(LayoutField(**field) for field in data.pop("field", [])), **data))


def packet(size: int) -> Packet:
    return Packet(
        body=b"x" * size,
        kind=Kind.REQUEST,
        code="CH01",
        sender="CH0001",
        receiver="CRM001",
        area="025",
        serial="CH0001202611210930000000000001",
        send_time="20261121093000",
        mode="B",
        charset="GB18030",
    )


def rates(layout: Layout, size: int, rounds: int) -> dict[str, float]:
    """Best of interleaved rounds, so that a busy neighbour costs a round and not the figure; µs a packet."""
    sample = packet(size)
    data = layout.encode(sample)
    framer = Framer(layout, 2 * MIB)
    (received,) = framer.feed(data)
    encode_best = header_best = feed_best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(BATCH):
            layout.encode(sample)
        encoded = time.perf_counter()
        for _ in range(BATCH):
            layout.verify(received, False)
            layout.decode_header(data)
        read = time.perf_counter()
        for _ in range(BATCH):
            framer.feed(data)
        fed = time.perf_counter()
        encode_best = min(encode_best, encoded - started)
        header_best = min(header_best, read - encoded)
        feed_best = min(feed_best, fed - read)
    encode, header, feed = (1e6 * best / BATCH for best in (encode_best, header_best, feed_best))
    return {
        "encode_us": round(encode, 2),
        "decode_verify_us": round(header, 2),
        "feed_us": round(feed, 2),
        "encode_per_second": round(1e6 / encode),
        "feed_per_second": round(1e6 / feed),
        "codec_us": round(encode + header, 2),
        "through_framer_us": round(encode + feed, 2),
    }


def dribble(layout: Layout, size: int) -> float:
    """CPU seconds for one packet of ``size`` body bytes fed byte by byte."""
    data = layout.encode(packet(size))
    framer = Framer(layout, 2 * MIB)
    found = 0
    started = time.process_time()
    for at in range(len(data)):
        found += len(framer.feed(data[at : at + 1]))
    spent = time.process_time() - started
    if found != 1:
        raise SystemExit(f"expected one packet, got {found}")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layout", default="ctif-128")
    parser.add_argument("--body", type=int, default=1700, help="bytes of body (default 1700)")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    layout = load(options.layout)
    result: dict[str, object] = {"layout": options.layout, "body_bytes": options.body}
    result |= rates(layout, options.body, options.rounds)
    result["mib_byte_by_byte_cpu_s"] = round(dribble(layout, MIB), 2)
    if options.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:26} {value}")


if __name__ == "__main__":
    main()
