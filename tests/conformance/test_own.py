"""The product itself, started as a newcomer would start it, judged over real sockets on both stores (spec 07.1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from conformance.loader import load_suite
from conformance.pics import Pics
from gateway.cli.conformance_own import _plan, own
from gateway.cli.output import CommandFailed
from gateway.clock import Entropy
from gateway.config.file import parse
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from gateway.proof.own_crm import OwnCrm, configuration
from gateway.proof.own_process import StoreUnknown, fresh_store, short_pics, waits_ms
from tests.adapters.store.servers import PostgresServer

LIMIT_S = 300
PATIENCE_S = "12"
"""What waits longer by itself (the end of a freeze window: a minute) is played in virtual time only."""
ROOT = Path(__file__).parents[2]


def judged(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """The command in a process of its own: exit code, what it told, what it said on its error stream."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "conformance", "own", "--json", *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def faults(told: dict[str, Any]) -> list[str]:
    """What did not pass, and why."""
    cases = [case for run in told["runs"] for case in (*run["sanity"], *run["cases"])]
    return [f"{case['id']} {case['verdict']} {case['explanation']}" for case in cases if case["verdict"] not in FINE]


FINE = ("PASS", "NOT_APPLICABLE")


def test_our_own_crm_passes_every_case_on_sqlite(tmp_path: Path) -> None:
    code, told, errors = judged("--patience", PATIENCE_S, "--report", str(tmp_path))
    assert faults(told) == []
    assert (code, told["passed"], errors) == (0, True, "")
    assert {"transport", "provisioning"} <= {run["suite"] for run in told["runs"]}
    assert all(run["counts"]["PASS"] for run in told["runs"])
    assert all((tmp_path / run["suite"] / "report.html").exists() for run in told["runs"])


def test_our_own_crm_passes_every_case_on_postgresql(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh()
    code, told, errors = judged("--patience", PATIENCE_S, "--store", url)
    assert faults(told) == []
    assert (code, told["passed"], errors) == (0, True, "")
    assert schemas(url) == []


@pytest.mark.parametrize(("binding", "scheme"), [("socket", "tcp"), ("soap", "http"), ("http", "http")])
def test_a_binding_is_asked_at_its_address_and_repeated_with_it(binding: str, scheme: str) -> None:
    plan = _plan("transport", "tcp://127.0.0.1:7180", Pics(binding=binding), 1, (), 4, "sqlite")
    assert plan.endpoint == f"{scheme}://127.0.0.1:7180"
    assert f"--binding {binding} " in plan.command


def schemas(url: str) -> list[str]:
    """What the runs left in the database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'bssgw_%'")).scalars().all()
    engine.dispose()
    return list(found)


def test_a_schema_of_ones_own_takes_the_tables_and_is_gone_afterwards(postgres_server: PostgresServer) -> None:
    url = postgres_server.fresh()
    with fresh_store(url, Entropy(1)) as store:
        engine = create_engine(store)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE made (id int)"))
        engine.dispose()
        (name,) = schemas(url)
        assert name.startswith("bssgw_judged_")
    assert schemas(url) == []


@pytest.mark.parametrize("name", ["mysql://localhost/x", "oracle", ""])
def test_a_store_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(StoreUnknown, match="sqlite"), fresh_store(name, Entropy(1)):
        pass


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--suite", "no-such"], "provisioning"),
        (["--only", "99.9"], "conformance list"),
        (["--store", "oracle"], "postgresql"),
        (["--store", "postgresql://bssgw@127.0.0.1:1/none"], "the right to make a schema"),
        (["--store", "postgresql"], "the right to make a schema"),
    ],
)
def test_what_cannot_be_judged_is_said(arguments: list[str], names: str) -> None:
    done = CliRunner().invoke(own, arguments, standalone_mode=False)
    assert isinstance(done.exception, CommandFailed)
    assert names in str(done.exception)


def test_the_configuration_has_the_times_the_questionnaire_says(tmp_path: Path) -> None:
    pics = short_pics()
    config = parse(configuration("tcp://127.0.0.1:0", pics, "", {"receipt": 7.0}), "judged.toml", tmp_path)
    for peer in config.peer:
        timers = peer.timers
        asked = [pics.timers[name] / 1000 for name in ("heartbeat", "idle", "partial", "reassembly")]
        assert [timers.heartbeat, timers.idle, timers.partial, timers.reassembly] == asked
        assert timers.receipt == 7.0
    assert {peer.role: peer.connect for peer in config.peer} == {
        role: (address,) for role, address in pics.listen.items() if role != "CRM"
    }


def test_the_usual_times_are_left_to_the_product(tmp_path: Path) -> None:
    config = parse(configuration("mem://sut", Pics(listen={"PF": "mem://suite-PF"})), "judged.toml", tmp_path)
    assert config.peer[0].timers == type(config.peer[0].timers)()


def test_few_cases_wait_longer_than_the_tests_do() -> None:
    pics = short_pics()
    cases = [case for case in load_suite().cases if "CRM" in case.suts]
    long = [case.id for case in cases if waits_ms(case, pics) > int(PATIENCE_S) * 1000]
    assert len(long) * 20 < len(cases), long


def test_a_text_longer_than_its_column_is_a_fault_though_sqlite_takes_it() -> None:
    clock = HeapClock(1_795_309_200_000)
    crm = OwnCrm("mem://sut", Pics(), clock, Entropy(1), MemoryNetwork(clock, Entropy(1)))
    assert crm.faults() == []
    with crm.gateway.store.engine.begin() as connection:
        connection.execute(text("INSERT INTO counter VALUES ('" + "X" * 99 + "', 1)"))
    assert crm.faults() == ["counter.name: longer than 32"]
    crm.drop()
