"""``bssgw order example``: a good document of whatever channel is named."""

import pytest
from click.testing import CliRunner

from adapters.xml.codec import Codec
from crm_core.products.sample import load_products
from gateway.cli.order_example import example
from schemas.loader import load
from tests.gateway.rig import Rig, packet_of

CODEC = Codec(load())


@pytest.mark.parametrize(("words", "sender"), [([], "CH0001"), (["--from", "WEB007"], "WEB007")])
def test_it_is_a_good_order_of_that_channel(words: list[str], sender: str) -> None:
    document = Codec(load()).decode(CliRunner().invoke(example, words).stdout.encode())
    assert (document.row.name, document.header.sender, document.header.serial[:6]) == ("SubmitOrder", sender, sender)


@pytest.mark.parametrize("code", [code for code, one in load_products().items() if "install" in one.processes])
def test_of_any_product_it_is_an_order_the_core_takes(code: str) -> None:
    text = CliRunner().invoke(example, ["--product", code]).stdout
    rig = Rig()
    answer = next(one for one in rig.ask(rig.caller(), packet_of(text.encode())) if one.is_answer)
    body = CODEC.decode(answer.body, answer.charset).body
    assert body["code"] == "0001", body


def test_a_product_there_is_not_is_said_so() -> None:
    ended = CliRunner().invoke(example, ["--product", "TELEX"])
    assert ended.exit_code == 2
    assert "ADSL" in ended.output


@pytest.mark.parametrize("sender", ["ch0002", "CH2", "CH00021", ""])
def test_what_is_no_system_id_is_refused(sender: str) -> None:
    ended = CliRunner().invoke(example, ["--from", sender])
    assert ended.exit_code == 2
    assert "CH0001" in ended.output
