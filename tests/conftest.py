"""What every test session needs before the first test module is imported."""

import collections.abc
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import twisted.internet.testing as _marks_the_abstract_collections  # noqa: F401

from tests.adapters.store.servers import PostgresServer

# zope.interface marks the abstract collections as soon as one of Twisted's test doubles declares what it implements, and
# xmlschema reads every class attribute of its schemas, which are collections: it would stumble over the mark.
# Nothing a gateway imports does this; the marks are only a cache.
for _name in collections.abc.__all__:
    if "__provides__" in vars(getattr(collections.abc, _name)):
        del getattr(collections.abc, _name).__provides__

# A shell starts what runs in the background deaf to Ctrl-C, and everything started from there inherits it: processes tests
# interrupt would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL in a folder of its own, gone with the session."""
    folder = tempfile.mkdtemp(prefix="bssgw-pg-")
    server = PostgresServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


MARKED = {
    "simulation": ("simulation", "stories", "races", "refusals"),
    "once": ("architecture", "reference", "conformance", "gateway/proof", "adapters/xml/test_xml_corpus.py"),
}
"""Suites beyond the fast one, by folder: whole worlds in virtual time, and what one interpreter can answer for all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by where it stands; ``-m "not simulation and not once"`` is the fast suite."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        for marker, folders in MARKED.items():
            if any(place.is_relative_to(folder) for folder in folders):
                item.add_marker(marker)
