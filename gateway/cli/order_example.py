"""``bssgw order example``: an order to begin with, as a file to submit, to send and to edit."""

from __future__ import annotations

import re
from importlib.resources import files

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit
from gateway.cli.settings import json_option

NAME = "example-order.xml"
SENDER = "CH0001"
"""Who sends the order that ships: the counter of the example configuration, in the header and at the front of the serial."""
SYSTEM_ID = re.compile(r"[A-Z0-9]{6}")


@click.command(epilog=EXIT_HELP)
@click.option(
    "--from", "sender", metavar="SYSTEM", default=SENDER, show_default=True, help="提交的渠道。The channel that submits it."
)
@json_option
def example(sender: str, as_json: bool) -> None:
    """打印一张可以提交的定单。Print an order that can be submitted.

    \b
    例 Examples:
      bssgw order example > order.xml && bssgw order submit order.xml
      bssgw order example --from CH0002 > order.xml
    """
    if not SYSTEM_ID.fullmatch(sender):
        raise CommandFailed(
            Exit.USAGE,
            f"--from {sender} 不是 6 位大写字母或数字的系统标识，例如 {SENDER}",
            f"--from {sender} is no system id of 6 capitals or digits, for example {SENDER}",
        )
    text = example_order(sender)
    emit(as_json, {"sender": sender, "text": text}, lambda: click.echo(text, nl=False))


def example_order(sender: str = SENDER) -> str:
    """The whole Package (CH01) in UTF-8 with ``sender`` (6 characters) as its channel; every call gives the same bytes."""
    text = (files("gateway") / "demo" / NAME).read_text(encoding="utf-8")
    return text.replace(SENDER, sender)
