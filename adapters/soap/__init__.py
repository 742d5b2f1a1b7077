"""SOAP envelopes around the interface's documents: bytes <-> document, without any I/O (spec 01.3)."""
