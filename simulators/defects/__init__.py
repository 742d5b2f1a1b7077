"""Seeded wrong behaviour of simulated systems, switched on by name: what the conformance suite must find (spec 07.7)."""
