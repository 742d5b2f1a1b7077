"""Packet framing, layouts, sessions as pure machines: bytes and time go in, events and bytes come out (spec 01.1)."""
