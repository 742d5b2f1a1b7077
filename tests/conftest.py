"""What every test session needs before the first test module is imported."""

import collections.abc
import gc
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import twisted.internet.testing as _marks_the_abstract_collections  # noqa: F401
from hypothesis import settings

from adapters.store import tables
from adapters.store.engine import open_engine
from tests.adapters.store.servers import PostgresServer

# zope.interface marks the abstract collections as soon as one of Twisted's test doubles declares what it implements, and
# xmlschema reads every class attribute of its schemas, which are collections: it would stumble over the mark.
# Nothing a gateway imports does this; the marks are only a cache.
for _name in collections.abc.__all__:
    if "__provides__" in vars(getattr(collections.abc, _name)):
        del getattr(collections.abc, _name).__provides__

# How long an example takes says more of the machine, and of what else it does, than of the code.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")

# Nothing of what is imported and collected is garbage.
gc.disable()

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


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """A PostgreSQL database with the program's tables, which every test that uses it finds emptied."""
    url = postgres_server.fresh()
    engine = open_engine(url)
    tables.metadata.create_all(engine)
    engine.dispose()
    return url


GARBAGE = (5_000, 20, 10)
"""How often garbage is looked for: seldom, a test leaves little, and all that is alive would be looked at each time."""
MARKED = {
    "simulation": ("simulation", "stories", "races", "refusals"),
    "crash": ("crash",),
    "interop": ("interop",),
    "once": (
        "architecture",
        "reference",
        "conformance",
        "gateway/proof",
        "gateway/test_cli_ends.py",
        "gateway/test_nights_process.py",
        "adapters/xml/test_xml_corpus.py",
        "crm_core/test_random_commands.py",
        "schemas/test_schemas_verify.py",
        "simulators/test_pf_random.py",
    ),
}
"""Suites beyond the fast one, by folder: whole worlds in virtual time, what one interpreter can answer for all, killed
processes, other toolkits."""


@cache
def markers(path: Path) -> tuple[str, ...]:
    """What a test gets by where it stands."""
    place = path.relative_to(Path(__file__).parent)
    return tuple(marker for marker, places in MARKED.items() if any(place.is_relative_to(one) for one in places))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test by where it stands; ``-m "not simulation and not once"`` is the fast suite."""
    for item in items:
        for marker in markers(item.path):
            item.add_marker(marker)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: it is not looked at again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What ``-m`` leaves out as a whole need not be imported; None: others decide."""
    left_out = re.findall(r"not (\w+)", config.option.markexpr)
    return any(marker in left_out for marker in markers(collection_path)) or None
