"""The interface reference: pages written from rows, schemas and samples, for people of other systems (spec 01, 02, 03)."""
