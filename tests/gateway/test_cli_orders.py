"""``bssgw order``, ``message``, ``status``, ``config`` and ``db`` on a finished demo and beside a running gateway."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.sequence import Step, draw_mermaid, draw_text, participants
from tests.gateway.conftest import Finished, Running, any_port, bssgw, environment

ORDER = Path(__file__).parents[2] / "gateway" / "demo" / "01-install-pots.xml"
REFUSED = ORDER.with_name("21-refused-unknown-product.xml")

Demo = tuple[Finished, Path]


def test_orders_are_listed_newest_first_and_paged(demo: Demo) -> None:
    first = bssgw("order", "list", "--limit", 5, "--json", "--config", demo[1]).json
    rest = bssgw("order", "list", "--after", first["next"], "--json", "--config", demo[1]).json
    ids = [row["id"] for row in first["orders"] + rest["orders"]]
    assert ids == sorted(ids, reverse=True)
    assert len(first["orders"]) == 5
    assert len(set(ids)) >= 20


def test_orders_are_filtered(demo: Demo) -> None:
    found = bssgw("order", "list", "--area", "0755", "--state", "COMPLETED", "--json", "--config", demo[1]).json["orders"]
    assert found
    assert {(row["area"], row["state"]) for row in found} == {("0755", "COMPLETED")}
    one = found[0]["customer_id"]
    mine = bssgw("order", "list", "--customer", one, "--json", "--config", demo[1]).json["orders"]
    assert {row["customer_id"] for row in mine} == {one}
    assert bssgw("order", "list", "--state", "FAILED", "--json", "--config", demo[1]).json["orders"] == []


@pytest.mark.parametrize(
    ("list_of", "state", "there_are"),
    [("order", "in_progres", "IN_PROGRESS"), ("message", "waiting", "UNKNOWN"), ("fallout", "OPEN", "auto-retry")],
)
def test_a_state_there_is_not_is_said_so_never_nothing_found(list_of: str, state: str, there_are: str) -> None:
    ended = bssgw(list_of, "list", "--state", state)
    assert ended.code == 2
    assert f"没有 {state}" in ended.err
    assert there_are in ended.err


def test_a_state_is_found_in_either_case(demo: Demo) -> None:
    small = bssgw("order", "list", "--state", "completed", "--json", "--config", demo[1]).json["orders"]
    assert small
    assert small == bssgw("order", "list", "--state", "COMPLETED", "--json", "--config", demo[1]).json["orders"]


def test_the_demo_leaves_nothing_for_the_desk(demo: Demo) -> None:
    """Every price plan it orders is one that billing knows."""
    assert bssgw("fallout", "list", "--json", "--config", demo[1]).json["fallouts"] == []


def test_a_terminal_that_lacks_characters_gets_no_traceback(demo: Demo) -> None:
    plain = {**environment(), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "gateway", "order", "list", "--limit", "1", "--config", str(demo[1])]
    done = subprocess.run(command, capture_output=True, timeout=60, env=plain, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"COMPLETED" in done.stdout


def test_an_order_is_shown_with_everything(demo: Demo) -> None:
    row = bssgw("order", "show", "DEMO0000-03", "--json", "--config", demo[1]).json
    assert row["state"] == "COMPLETED"
    assert row["customer"]["name"] == "王**"
    assert [item["product"] for item in row["items"]] == ["FTTH"]
    assert [entry["state"] for entry in row["billing"]] == ["accepted"]
    assert row["stages"]
    assert [change["state_to"] for change in row["history"]][-1] == "COMPLETED"
    codes = [message["code"] for message in row["messages"]]
    assert codes[0] == "CH01"
    assert {"OH01", "OH02", "OH07", "OH08", "OH13", "BL01", "BL02", "CH02"} <= set(codes)


def test_an_order_is_told_for_people_with_its_sequence(demo: Demo) -> None:
    text = bssgw("order", "show", "DEMO0000-03", "--config", demo[1]).out
    for part in ("服务定单 service order SO", "王**", "OH01 DispatchOrder [0001]", "COMPLETED"):
        assert part in text
    assert "王示例" not in text


def test_the_sequence_is_drawn_as_mermaid(demo: Demo) -> None:
    lines = bssgw("order", "show", "DEMO0000-03", "--mermaid", "--config", demo[1]).out.splitlines()
    assert lines[0] == "sequenceDiagram"
    assert "    CH0001->>CRM001: CH01 SubmitOrder" in lines
    assert "    CRM001->>PF0001: OH01 DispatchOrder" in lines


def test_an_unknown_order_is_said_so(demo: Demo) -> None:
    done = bssgw("order", "show", "SO404", "--config", demo[1])
    assert done.code == 1
    assert "SO404" in done.err


def test_messages_are_listed_and_shown_raw_and_decoded(demo: Demo) -> None:
    listed = bssgw("message", "list", "--code", "OH01", "--direction", "out", "--json", "--config", demo[1]).json
    chosen = listed["messages"][0]
    text = bssgw("message", "show", chosen["id"], "--config", demo[1]).out
    assert chosen["serial"] in text
    assert "binding socket" in text
    assert "00000000  3c 3f 78 6d 6c" in text
    assert "<DispatchOrder" in text
    shown = bssgw("message", "show", chosen["serial"], "--json", "--config", demo[1]).json
    assert shown["attempts"][0]["result_code"] == "0001"
    assert "<DispatchOrder" in shown["decoded"]


def test_a_message_is_written_as_its_bytes(demo: Demo) -> None:
    listed = bssgw("message", "list", "--code", "CH01", "--json", "--config", demo[1]).json["messages"]
    assert bssgw("message", "show", listed[0]["id"], "--raw", "--config", demo[1]).out.startswith("<?xml")


def test_an_unknown_message_is_said_so(demo: Demo) -> None:
    assert bssgw("message", "show", "999999999", "--config", demo[1]).code == 1


def test_a_package_is_submitted_through_the_running_gateway_and_never_twice(running: Running) -> None:
    first = bssgw("order", "submit", ORDER, "--json", "--config", running.config)
    again = bssgw("order", "submit", ORDER, "--json", "--config", running.config)
    assert (first.code, again.code) == (0, 0)
    assert first.json[0]["code"] == "0001"
    assert again.json[0]["details"] == first.json[0]["details"]
    orders = bssgw("order", "list", "--json", "--config", running.config).json["orders"]
    assert [row["id"] for row in orders if row["customer_order_id"] == "DEMO0000-01"] == [first.json[0]["details"][0][1]]


def test_a_bare_order_is_put_into_a_package(running: Running, tmp_path: Path) -> None:
    text = ORDER.read_text(encoding="utf-8")
    bare = text[text.index("<SubmitOrder") : text.index("</Body>")].replace("DEMO0000-01", "BARE-1").replace("-P01", "-P31")
    (tmp_path / "bare.xml").write_text(bare, encoding="utf-8")
    first = bssgw("order", "submit", tmp_path / "bare.xml", "--json", "--config", running.config)
    again = bssgw("order", "submit", tmp_path / "bare.xml", "--json", "--config", running.config)
    assert (first.json[0]["code"], again.json[0]["code"]) == ("0001", "0002")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("no xml", "1001"),
        ('<SubmitOrder xmlns="urn:bss:if:message:0.9"/>', "1002"),
        ("<SubmitOrder/>", "1002"),
        ('<Receipt xmlns="urn:bss:if:message:0.9"/>', "1002"),
        ("<Other/>", "1002"),
        (REFUSED.read_text("utf-8").replace("Sender>", "Sent>"), "1002"),
        (REFUSED.read_text("utf-8"), "3020"),
    ],
)
def test_a_refusal_names_its_code_and_faults(running: Running, tmp_path: Path, content: str, code: str) -> None:
    (tmp_path / "order.xml").write_text(content, encoding="utf-8")
    done = bssgw("order", "submit", tmp_path / "order.xml", "--json", "--config", running.config)
    assert done.code == 1
    assert done.json[0]["code"] == code
    assert done.json[0]["faults"]


def test_without_a_gateway_submission_says_how_to_start_one(tmp_path: Path) -> None:
    done = bssgw("order", "submit", ORDER, "--config", any_port(tmp_path))
    assert done.code == 3
    assert "bssgw run" in done.err


def test_an_order_for_a_peer_that_is_down_shows_where_it_waits(running: Running) -> None:
    bssgw("order", "submit", ORDER, "--config", running.config)
    row = bssgw("order", "show", "DEMO0000-01", "--json", "--config", running.config).json
    assert row["state"] == "SUBMITTED"
    assert next(m["state"] for m in row["messages"] if m["code"] == "OH01") in ("READY", "RETRY")


def test_status_shows_links_and_queues(running: Running) -> None:
    found = bssgw("status", "--json", "--config", running.config).json
    assert found["system_id"] == "CRM001"
    assert {link["peer"]: link["state"] for link in found["links"]}["PF0001"] == "down"
    assert "PF0001" in bssgw("status", "--config", running.config).out


def test_status_without_a_gateway_is_unreachable(tmp_path: Path) -> None:
    assert bssgw("status", "--config", any_port(tmp_path)).code == 3


def test_looking_where_there_is_no_store_is_unreachable(tmp_path: Path) -> None:
    assert bssgw("order", "list", "--config", any_port(tmp_path)).code == 3


def test_the_schema_is_upgraded_once_and_not_beside_a_gateway(tmp_path: Path, running: Running) -> None:
    config = any_port(tmp_path)
    assert bssgw("db", "status", "--config", config).code == 1
    assert bssgw("db", "upgrade", "--json", "--config", config).json["changed"] is True
    assert bssgw("db", "upgrade", "--json", "--config", config).json["changed"] is False
    assert bssgw("db", "status", "--json", "--config", config).json["current"] is True
    assert bssgw("db", "upgrade", "--config", running.config).code == 1


def test_the_configuration_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    any_port(tmp_path)
    monkeypatch.chdir(tmp_path)
    bssgw("db", "upgrade")
    assert (tmp_path / "data" / "gateway.db").exists()


def test_config_check_and_example(tmp_path: Path) -> None:
    path = tmp_path / "bssgw.toml"
    path.write_text(bssgw("config", "example").out, encoding="utf-8")
    assert bssgw("config", "check", path, "--json").json["ok"] is True
    path.write_text("[gateway]\n", encoding="utf-8")
    done = bssgw("config", "check", path, "--json")
    assert done.code == 2
    assert [fault["key"] for fault in done.json["faults"]] == ["gateway.areas", "gateway.system_id"]


ARROWS = [Step(0, "CH0001", "CRM001", "CH01 SubmitOrder", "0001"), Step(1000, "BIL001", "CRM001", "BL02 BillingResult")]


def test_who_began_stands_left_of_us() -> None:
    assert participants("CRM001", ARROWS) == ["CH0001", "CRM001", "BIL001"]


def test_arrows_point_where_messages_went() -> None:
    head, first, second = draw_text("CRM001", ARROWS).splitlines()
    assert head.split() == ["CH0001", "CRM001", "BIL001"]
    assert "CH01 SubmitOrder [0001]" in first
    assert first.rstrip().endswith("|")
    assert ">|" in first
    assert "|<" in second
    assert draw_text("CRM001", []) == ""


@pytest.mark.parametrize("width", [66, 80, 120])
def test_the_sequence_fits_the_terminal_and_keeps_codes_and_results(width: int) -> None:
    lines = draw_text("CRM001", [*ARROWS, Step(9, "CRM001", "PF0001", "OH13 CompletionResult", "0001")], width).splitlines()
    assert max(map(len, lines)) <= width
    for part in ("CH01", "[0001]", "OH13"):
        assert any(part in line for line in lines)
    assert {len(line) for line in lines[1:]} == {len(lines[1])}


def test_mermaid_notes_results_only_where_there_are_any() -> None:
    assert draw_mermaid("CRM001", ARROWS).count("Note") == 1
    assert draw_mermaid("CRM001", []) == "sequenceDiagram\n    participant CRM001"
