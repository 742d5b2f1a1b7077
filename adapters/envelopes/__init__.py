"""What stands around a message on the wire: one module an envelope shape (spec 01.2, 05)."""
