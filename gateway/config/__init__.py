"""The configuration of a gateway: one file, read once, every fault of it told at once (spec 01.1.5)."""
