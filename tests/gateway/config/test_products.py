"""Products of one's own: a file in the place of the sample catalogue, every fault of it told with its line (spec 03)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crm_core.products.sample import load_products
from gateway.cli.app import bssgw
from gateway.config.faults import ConfigError
from gateway.config.file import example_text, parse
from gateway.config.model import Config
from gateway.config.products import ProductsUnusable, example_products, families_of, read_products
from gateway.reference_data import reference_of
from schemas.loader import load
from simulators.bill.copies import Copies
from simulators.bill.intervals import Refused
from simulators.pf.processes import shipped
from simulators.rm.access import Access
from simulators.rm.plant import Plant, load_table
from tests.gateway.rig import PEERS, Rig, packet_of, submission

OWN = """\
[group.home]
actions = ["install", "disconnect"]

[[group.home.attrs]]
code = "SPEED"
zh = "速率"
en = "speed"
values = ["500M", "1000M"]
required = true

[[product]]
code = "HOMEFIBRE"
zh = "示例全屋光纤"
en = "example whole-home fibre"
family = "FTTH"
like = ["home"]
"""
HAN = re.compile(r"[\u4e00-\u9fff]")

# what is written instead of what -> key, English
FAULTS = {
    "no TOML": ("[group.home]", "[group.home", "", "not valid TOML"),
    "no product": ("[[product]]", "[product]", "product", "list"),
    "a key there is not": ("like", "likes", "product[1].likes", "bssgw product example"),
    "a code with blanks": ('"HOMEFIBRE"', '"HOME FIBRE"', "product[1].code", "without blanks"),
    "a code too long for the wire": ('"HOMEFIBRE"', '"HOMEFIBRE-2026"', "product[1].code", "1-12 characters"),
    "a number in quotes": ("like", 'sla_days = "7"\nlike', "product[1].sla_days", "whole number"),
    "a family there is not": ('"FTTH"', '"FTTX"', "product[1].family", "IPTV"),
    "a group there is not": ('["home"]', '["hom"]', "product[1].like[1]", "home"),
    "an action there is not": ('["install"', '["instal"', "group.home.actions", "install, disconnect"),
    "a process of such an action": ("like", 'processes = { fly = "X" }\nlike', "product[1].processes", "relocate"),
    "a resource there is not": ("like", 'resource_types = ["PRT"]\nlike', "product[1].resource_types[1]", "PORT"),
    "results of an action it lacks": ("like", 'result_attrs = { modify = ["PORT"] }\nlike', "product[1].result_attrs", "not"),
    "a default outside its values": ("required", 'default = "7M"\nrequired', "group.home.attrs[1].default", "500M, 1000M"),
    "no action at all": ("like", "#", "product[1]", "write like, or processes"),
    "an attribute twice": ("like", 'attrs = [{ code = "SPEED", zh = "速", en = "s" }]\nlike', "product[1]", "twice"),
    "a transfer to nobody": ('"disconnect"', '"transfer"', "product[1]", "needs the attribute CUSTOMER"),
    "a stop for no reason": ('"disconnect"', '"suspend"', "product[1]", "needs the attribute STOP_REASON"),
    "a product twice": ("[[product]]", OWN[OWN.index("[[product]]") :] + "\n[[product]]", "product[2].code", "another product"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_where_it_stands(name: str) -> None:
    old, new, key, said = FAULTS[name]
    assert old in OWN
    with pytest.raises(ProductsUnusable) as caught:
        read_products(OWN.replace(old, new, 1))
    found = next(one for one in caught.value.faults if one.key == key)
    assert said in found.en
    assert HAN.search(found.zh)
    assert found.line >= 1


def test_all_faults_come_at_once_in_the_order_of_lines() -> None:
    with pytest.raises(ProductsUnusable) as caught:
        read_products(OWN.replace('"FTTH"', '"FTTX"').replace('["home"]', '["hom"]').replace('["install"', '["instal"'))
    assert [one.key for one in caught.value.faults] == ["group.home.actions", "product[1].family", "product[1].like[1]"]


def test_the_sample_catalogue_is_a_file_like_any_other() -> None:
    assert read_products(example_products()) == load_products()


def configured(folder: Path, text: str) -> Config:
    (folder / "products.toml").write_text(text, encoding="utf-8")
    return parse(example_text().replace("[gateway]", '[gateway]\nproducts = "products.toml"', 1), "bssgw.toml", folder)


def test_the_core_sells_what_the_file_says(tmp_path: Path) -> None:
    reference = reference_of(configured(tmp_path, OWN), load())
    assert list(reference.products) == ["HOMEFIBRE"]
    assert reference.products["HOMEFIBRE"].processes == {"install": "HOMEFIBRE_INSTALL", "disconnect": "HOMEFIBRE_DISCONNECT"}


def test_the_configuration_tells_the_faults_of_the_file_it_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, OWN.replace('["home"]', '["hom"]'))
    (fault,) = caught.value.faults
    assert fault.key == "gateway.products"
    assert "products.toml:16 product[1].like[1]" in fault.found


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        parse(example_text().replace("[gateway]", '[gateway]\nproducts = "none.toml"', 1), "bssgw.toml", tmp_path)


def test_orders_are_judged_by_the_products_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "products.toml"
    path.write_text(OWN, encoding="utf-8")
    rig = Rig((*PEERS,), products=path)
    raw = submission(1)
    old = re.compile(rb"<product>POTS</product>.*?</item>", re.DOTALL)
    assert old.search(raw) is not None

    def ordered(number: int, speed: bytes) -> str:
        attrs = b"<attrs><attr><code>SPEED</code><new>%b</new><action>A</action></attr></attrs></item>" % speed
        asked = old.sub(b"<product>HOMEFIBRE</product>" + attrs, submission(number))
        answer = next(one for one in rig.ask(rig.caller(), packet_of(asked)) if one.is_answer)
        return re.findall(r"<code>(\d{4})</code>", answer.body.decode("gb18030"))[0]

    (answer,) = rig.ask(rig.caller(), packet_of(raw))
    assert "产品不存在" in answer.body.decode("gb18030")
    assert [ordered(2, b"1000M"), ordered(3, b"7M")] == ["0001", "3020"]


# -- simulators ---------------------------------------------------------------------------------------------------------


def test_simulators_treat_a_product_as_its_family(tmp_path: Path) -> None:
    path = tmp_path / "products.toml"
    path.write_text(OWN, encoding="utf-8")
    families = families_of(path)
    assert families == {"HOMEFIBRE": "FTTH"}
    table = shipped().alike(families)
    assert table.find("HOMEFIBRE", "install") is shipped().find("FTTH", "install") is not None
    assert table.find("HOMEFIBRE", "disconnect") is not None
    assert shipped().find("HOMEFIBRE", "install") is None
    plain, knowing = Access(Plant(load_table())), Access(Plant(load_table()), families)
    served = [code for code, mode in plain.modes.items() if "FTTH" in mode.products]
    assert served
    assert [code for code, mode in knowing.modes.items() if "HOMEFIBRE" in mode.products] == served
    with pytest.raises(Refused):
        Copies(lambda _: True, lambda _: True).check_charge("A1", "HOMEFIBRE")
    Copies(lambda _: True, lambda _: True, any_plan=True).check_charge("A1", "HOMEFIBRE")


def test_every_family_there_is_can_be_simulated() -> None:
    families = {f"X{code}": code for code in load().table("product_families").rows}
    table = shipped().alike(families)
    assert [code for code in families if table.find(code, "install") is None] == []


# -- the command --------------------------------------------------------------------------------------------------------


def called(*arguments: object) -> Result:
    return CliRunner().invoke(bssgw, [str(one) for one in ("product", *arguments)])


def told(*arguments: object) -> Any:
    return json.loads(called(*arguments, "--json").stdout)


def test_the_command_prints_checks_and_lists(tmp_path: Path) -> None:
    path = tmp_path / "products.toml"
    path.write_text(called("example").stdout, encoding="utf-8")
    assert {one["code"] for one in told("check", path)["products"]} == set(load_products())
    path.write_text(OWN, encoding="utf-8")
    config = tmp_path / "bssgw.toml"
    config.write_text(example_text().replace("[gateway]", '[gateway]\nproducts = "products.toml"', 1), encoding="utf-8")
    assert [one["code"] for one in told("list", "--config", config)["products"]] == ["HOMEFIBRE"]
    assert "HOMEFIBRE" in called("list", "--config", config).stdout


def test_the_command_tells_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "products.toml"
    path.write_text(OWN.replace('"FTTH"', '"FTTX"').replace('["home"]', '["hom"]'), encoding="utf-8")
    done = called("check", path)
    assert done.exit_code == 1
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["products.toml"] * 2
    assert [one["where"].split(":")[1] for one in told("check", path)["faults"]] == ["15", "16"]
    path.write_bytes("[group.a]\n# 示例".encode("gbk"))
    assert "UTF-8" in called("check", path).stdout


def test_the_demo_does_not_go_with_products_of_ones_own(tmp_path: Path) -> None:
    configured(tmp_path, OWN)
    config = tmp_path / "bssgw.toml"
    config.write_text(example_text().replace("[gateway]", '[gateway]\nproducts = "products.toml"', 1), encoding="utf-8")
    done = CliRunner().invoke(bssgw, ["run", "--demo", "1", "--config", str(config)])
    assert done.exit_code == 2
    assert "sample catalogue" in done.output
