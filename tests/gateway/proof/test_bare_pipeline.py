"""The yardstick and its load, as the processes they are: what is answered is stored, and nothing is refused."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_answered_order_is_in_the_database(tmp_path: Path) -> None:
    bare = [sys.executable, "-m", "gateway.bench.bare_pipeline", "--data", str(tmp_path), "--group", "64"]
    with subprocess.Popen(bare, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["ready"]
        client = [sys.executable, "-m", "gateway.bench.client", "--address", address]
        times = ["--seconds", "0.3", "--warm-up", "0.2"]
        done = subprocess.run([*client, *times], cwd=ROOT, capture_output=True, text=True, check=True)
        server.communicate()
    report = json.loads(done.stdout)
    assert server.returncode == 0
    assert report["refused"] == {}
    assert report["counted"] > 0
    assert report["left"] == 0
    database = sqlite3.connect(tmp_path / "bare.db")
    counts = [database.execute(f"select count(*) from {table}").fetchone()[0] for table in ("orders", "item", "outbox")]
    database.close()
    assert counts == [report["sent"], 2 * report["sent"], report["sent"]]
