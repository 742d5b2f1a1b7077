"""Simulation world, auditor and the measurements behind `bssgw bench`."""
