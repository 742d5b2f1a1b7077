"""What can never work is refused before anybody runs into it: each fault at its key's line, with what to do (spec 01, 02.2)."""

import re
from pathlib import Path

import pytest

from gateway.config.faults import ConfigError, ConfigFault
from gateway.config.file import parse
from tests.gateway.conftest import any_port, bssgw

CHINESE = re.compile("[\u4e00-\u9fff]")
HEAD = """[gateway]
system_id = "CRM001"
areas = ["025", "0512"]
[[listen]]
name = "socket"
address = "tcp://127.0.0.1:7100"
layout = "ctif-128"
[[listen]]
name = "web"
address = "tcp://127.0.0.1:7180"
binding = "http"
"""
PEER = """[[peer]]
id = "RM0001"
role = "RM"
"""
SOCKET = PEER + 'connect = ["tcp://127.0.0.1:7122"]\n'
WEB = PEER + 'binding = "soap"\nconnect = ["http://127.0.0.1:7122/soap"]\n'
FOREIGN = SOCKET + 'envelope = "root-cdata"\nlayout = "ascii-len-8"\n'
BASIC = '[peer.http]\nauth = "basic"\nuser = "crm"\npassword_file = "secret"\n'
CERTIFICATE = f'[peer.http]\nauth = "certificate"\ncertificate_sha256 = "{"0" * 64}"\n'
LOGIN = '[peer.login]\nsecret_file = "secret"\n'
FIELDS = "[peer.dialect.bodies.AssignResource.fields]\n"
ROUTE = '[[route]]\nname = "a"\nto = "RM0001"\n'


def faults(text: str, base: Path, *, reach: bool = False) -> list[ConfigFault]:
    (base / "secret").write_text("open sesame\n", encoding="utf-8")
    try:
        parse(text, "x.toml", base, reach=reach)
    except ConfigError as error:
        return error.faults
    return []


NO_NAME = "no element can have this name"
UNWORKABLE = [
    (FOREIGN + FIELDS + 'service_order_id = { name = "order No" }\n', "fields.service_order_id.name", NO_NAME),
    (FOREIGN + FIELDS + 'service_order_id = { name = "head/orderNo" }\n', "fields.service_order_id.name", NO_NAME),
    (FOREIGN + '[peer.dialect.bodies.AssignResource]\nelement = "1st"\n', "bodies.AssignResource.element", NO_NAME),
    (FOREIGN + '[peer.dialect.systems]\nCRM001 = "A"\nRM0001 = "A"\n', "systems.RM0001", "CRM001 and RM0001 have one name"),
    (SOCKET.replace("7122", "99999"), "connect[1]", "at most 65535"),
    (WEB.replace("7122", "99999"), "connect[1]", "up to 65535"),
    (WEB.replace("127.0.0.1:7122", ""), "connect[1]", "lacks a host"),
    (SOCKET.replace("RM0001", "CRM001"), "id", "another system"),
    (SOCKET + 'areas = ["999"]\n', "areas[1]", "code table areas"),
    (SOCKET + BASIC, "http.auth", "[peer.login]"),
    (SOCKET + 'listen = "socket"\n' + BASIC, "http.auth", "[peer.login]"),
    (WEB + 'listen = "web"\n' + CERTIFICATE, "http.auth", "client_ca_file"),
    (WEB + CERTIFICATE, "http.auth", "https://"),
    (WEB.replace("http://", "https://") + CERTIFICATE, "http.auth", "certificate_file and key_file"),
    (WEB.replace('"soap"', '"http"') + BASIC.replace("basic", "digest"), "http.auth", "only SOAP"),
    (WEB + 'listen = "web"\n' + LOGIN + "required = true\n", "login.required", "[peer.http]"),
    (WEB + LOGIN + 'user = "crm"\n', "login.user", "[peer.http]"),
    (PEER + 'listen = "socket"\n' + LOGIN + 'user = "crm"\n', "login.user", "write connect"),
    (SOCKET + 'header = { stream = "x" }\n', "header.stream", "no free field of ctif-128"),
    (SOCKET + 'layout = "dc-64"\nheader = { strem = "x" }\n', "header.strem", "it has: stream"),
    (SOCKET + 'layout = "dc-64"\nheader = { stream = "123456789" }\n', "header.stream", "8 bytes"),
    (SOCKET + 'layout = "dc-64"\nheader = { stream = "流水流水流" }\n', "header.stream", "8 bytes"),
    (WEB + 'header = { stream = "x" }\n', "header", "sockets"),
    (SOCKET + "[peer.limits]\nmax_packet = 128\n", "limits.max_packet", "128 bytes"),
    (WEB.replace('"soap"', '"http"') + 'envelope = "query-line"\n', "envelope", "SOAP and HTTP neither"),
    (SOCKET + '[peer.dialect.codes]\nOH03 = "X"\n', "dialect.codes", "does nothing"),
    (SOCKET + '[peer.dialect]\nuser = "crm"\n', "dialect.user", "does nothing"),
    (FOREIGN + '[peer.dialect]\nsecret_file = "secret"\nsigned = true\n', "dialect.signed", "no field for it"),
    (FOREIGN + '[peer.dialect]\nuser = "crm"\n', "dialect.user", "no field for it"),
    (FOREIGN + 'window = 1\n[peer.dialect]\ninner = "soo"\n', "dialect.inner", "atomic"),
    (FOREIGN + '[peer.dialect.fields]\nDomian = "X"\n', "dialect.fields.Domian", "no field of root-cdata"),
    (FOREIGN + '[peer.dialect.areas]\n"999" = "X"\n', "dialect.areas.999", "code table areas"),
    (FOREIGN + '[peer.dialect.results_out]\nfine = "0"\n', "dialect.results_out.fine", "a category"),
    (FOREIGN + FIELDS + 'order_no = { name = "orderNo" }\n', "fields.order_no", "no such field"),
    (FOREIGN + FIELDS + '"items/action" = { name = "opType" }\n', "fields.items/action", "no such field"),
    (FOREIGN + FIELDS + '"items/item" = { values = { a = "b" } }\n', "fields.items/item.values", "no value to map"),
    (FOREIGN + FIELDS + 'version = { name = "area" }\n', "fields.version.name", "have one name"),
    (SOCKET + ROUTE + 'sender = ["ZZ0001"]\n', "sender[1]", "no such peer"),
    (SOCKET + ROUTE + 'area = ["999"]\n', "area[1]", "code table areas"),
    (PEER + 'listen = "socket"\n' + ROUTE, "to", "connect or duplex"),
    (SOCKET + ROUTE + ROUTE.replace('"a"', '"b"') + 'area = ["025"]\n', "route[2]", "route a before it"),
    (SOCKET + ROUTE + 'key = ["SO1"]\n' + ROUTE.replace('"a"', '"b"') + 'key = ["SO12"]\n', "route[2]", "route a before it"),
]


@pytest.mark.parametrize(("text", "key", "said"), UNWORKABLE, ids=[f"{key}: {said}" for _, key, said in UNWORKABLE])
def test_it_is_refused_where_it_stands_with_what_to_do(text: str, key: str, said: str, tmp_path: Path) -> None:
    (fault,) = faults(HEAD + text, tmp_path)
    assert fault.key.endswith(key)
    assert said in fault.en
    assert CHINESE.search(fault.zh)
    assert (HEAD + text).splitlines()[fault.line - 1].strip() not in ("", "[gateway]")


GATEWAY = [
    ('areas = ["025", "0512"]', 'areas = ["025", "999"]', "gateway.areas[2]", "code table areas"),
    ('areas = ["025", "0512"]', 'areas = ["025"]\ndatabase_password_file = "secret"', "database_password_file", "user@"),
    ("tcp://127.0.0.1:7180", "tcp://gateway.example:7180", "listen[2].address", "0.0.0.0"),
    ("tcp://127.0.0.1:7180", "tcp://[::1:7180", "listen[2].address", "brackets"),
]


@pytest.mark.parametrize(("old", "new", "key", "said"), GATEWAY)
def test_so_it_is_of_the_gateway_and_its_listeners(old: str, new: str, key: str, said: str, tmp_path: Path) -> None:
    (fault,) = faults(HEAD.replace(old, new) + SOCKET, tmp_path)
    assert (fault.key.endswith(key), said in fault.en) == (True, True), fault


WORKS = [
    SOCKET + 'listen = "web"\n' + BASIC,
    WEB + 'listen = "web"\n' + BASIC,
    WEB.replace('"soap"', '"http"') + 'listen = "web"\n' + BASIC.replace("basic", "digest"),
    SOCKET + LOGIN + "required = true\n",
    SOCKET + 'layout = "dc-64"\nheader = { stream = "12345678" }\n',
    SOCKET + "[peer.limits]\nmax_packet = 129\n",
    SOCKET + '[peer.dialect]\ndatetimes = "xs"\n',
    FOREIGN + FIELDS + '"items/item/action" = { name = "opType", values = { install = "1" } }\n',
    FOREIGN + FIELDS + 'version = { name = "area" }\narea = { name = "version" }\n',
    FOREIGN + FIELDS + 'version = { name = "area" }\narea = { omit = true }\n',
    FOREIGN + '[peer.dialect.fields]\nDomain = "X"\n[peer.dialect.results_out]\nok = "0"\n"1001" = "9"\n',
    SOCKET + ROUTE + 'area = ["025"]\n' + ROUTE.replace('"a"', '"b"'),
    SOCKET + ROUTE + ROUTE.replace('"a"', '"b"') + 'receiver = ["CRM001"]\n',
    SOCKET + SOCKET.replace("RM0001", "PF0001") + ROUTE + ROUTE.replace('"a"', '"b"').replace("RM0001", "PF0001"),
]


@pytest.mark.parametrize("text", WORKS)
def test_what_works_is_taken(text: str, tmp_path: Path) -> None:
    assert faults(HEAD + text, tmp_path) == []


def test_a_value_that_is_wrong_by_itself_is_told_once(tmp_path: Path) -> None:
    text = HEAD + WEB + '[peer.http]\nauth = "certificate"\n'
    assert [fault.en for fault in faults(text, tmp_path)] == ["certificate needs certificate_sha256"]


def test_nobody_connects_to_port_0_but_to_simulators_of_ours(tmp_path: Path) -> None:
    text = HEAD.replace("7100", "0") + SOCKET.replace("7122", "0")
    assert faults(text, tmp_path) == []
    assert [fault.key for fault in faults(text, tmp_path, reach=True)] == ["peer[1].connect[1]"]
    config = any_port(tmp_path)
    done = bssgw("config", "check", config, "--json")
    assert (done.code, {fault["found"] for fault in done.json["faults"]}) == (2, {"'tcp://127.0.0.1:0'"})
    assert bssgw("peer", "check", "--config", config).code == 2


def test_values_of_a_field_with_a_closed_list_are_ours_on_the_left(tmp_path: Path) -> None:
    text = HEAD + FOREIGN + '[peer.dialect.bodies.QueryProcess.fields]\ndetail_level = { values = { alles = "1" } }\n'
    (fault,) = faults(text, tmp_path)
    assert (fault.key.endswith("values.alles"), "there are:" in fault.en) == (True, True)
