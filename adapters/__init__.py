"""Translation between bytes, packets, documents, commands, events and rows; no network I/O."""
