"""Packet framing, header layouts and sessions as pure machines: bytes and the time go in, events and bytes come out (spec 01.1)."""
