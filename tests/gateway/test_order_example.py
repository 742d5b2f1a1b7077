"""``bssgw order example``: a good document of whatever channel is named."""

import pytest
from click.testing import CliRunner

from adapters.xml.codec import Codec
from gateway.cli.order_example import example
from schemas.loader import load


@pytest.mark.parametrize(("words", "sender"), [([], "CH0001"), (["--from", "WEB007"], "WEB007")])
def test_it_is_a_good_order_of_that_channel(words: list[str], sender: str) -> None:
    document = Codec(load()).decode(CliRunner().invoke(example, words).stdout.encode())
    assert (document.row.name, document.header.sender, document.header.serial[:6]) == ("SubmitOrder", sender, sender)


@pytest.mark.parametrize("sender", ["ch0002", "CH2", "CH00021", ""])
def test_what_is_no_system_id_is_refused(sender: str) -> None:
    ended = CliRunner().invoke(example, ["--from", sender])
    assert ended.exit_code == 2
    assert "CH0001" in ended.output
