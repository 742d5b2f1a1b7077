"""Worlds are quiet: what the log says of links and refusals is being tested."""

from tests.simulation.conftest import quiet_logs  # noqa: F401
