"""``bssgw order example``: an order to begin with, as a file to submit, to send and to edit."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from crm_core.products.model import AttrSpec, Product

NAME = "example-order.xml"
SENDER = "CH0001"
"""Who sends the order that ships: the counter of the example configuration, in the header and at the front of the serial."""
INSTALL = "install"
_ORDERED = "<product>POTS</product>"
SYSTEM_ID = re.compile(r"[A-Z0-9]{6}")


@click.command(epilog=EXIT_HELP)
@click.option(
    "--from", "sender", metavar="SYSTEM", default=SENDER, show_default=True, help="提交的渠道。The channel that submits it."
)
@click.option("--product", "code", metavar="CODE", help="订哪个产品（bssgw product list）。What it orders.")
@store_options
@json_option
def example(sender: str, code: str | None, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """打印一张可以提交的定单：所配置的第一个可新装的产品，或 --product 所指。

    Print an order that can be submitted: of the first product of the configuration that can be installed, or of --product.

    \b
    例 Examples:
      bssgw order example > order.xml && bssgw order submit order.xml
      bssgw order example --from CH0002 --product ADSL > order.xml
    """
    if not SYSTEM_ID.fullmatch(sender):
        raise CommandFailed(
            Exit.USAGE,
            f"--from {sender} 不是 6 位大写字母或数字的系统标识，例如 {SENDER}",
            f"--from {sender} is no system id of 6 capitals or digits, for example {SENDER}",
        )
    product = _product(code, config_path, data_dir)
    text = example_order(sender, product)
    emit(as_json, {"sender": sender, "product": product.code, "text": text}, lambda: click.echo(text, nl=False))


def example_order(sender: str = SENDER, product: Product | None = None) -> str:
    """The whole Package (CH01) in UTF-8 with ``sender`` (6 characters) as its channel, and ``product`` (None: the samples'
    telephone) with the attributes it needs; the same arguments give the same bytes."""
    text = (files("gateway") / "demo" / NAME).read_text(encoding="utf-8").replace(SENDER, sender)
    if product is None:
        return text
    needed = [attr for attr in product.attrs if attr.required and (not attr.actions or INSTALL in attr.actions)]
    return text.replace(_ORDERED, _ordered(product.code, {attr.code: _value(attr) for attr in needed}))


def _product(code: str | None, config_path: Path | None, data_dir: Path | None) -> Product:
    """The product of this code, or the first that can be installed by itself."""
    from crm_core.products.sample import load_products
    from gateway.config.products import products_of

    products = products_of(configured(config_path, data_dir).gateway.products) or load_products()
    installed = [one for one in products.values() if INSTALL in one.processes and one.status == "on_sale"]
    found = [one for one in installed if (one.kind == "main" if code is None else one.code == code)]
    if not found:
        listed = " ".join(one.code for one in installed)
        raise CommandFailed(
            Exit.USAGE,
            f"没有可新装的产品 {code or ''}；有：{listed or '无'}".replace("  ", " "),
            f"no product {code or ''} can be installed; there are: {listed or 'none'}".replace("  ", " "),
        )
    return found[0]


def _value(attr: AttrSpec) -> str:
    if attr.default is not None:
        return attr.default
    return attr.values[0] if attr.values else "1"


def _ordered(code: str, attrs: dict[str, str]) -> str:
    lines = [f"<product>{escape(code)}</product>"]
    if attrs:
        said = [(escape(name), escape(value)) for name, value in attrs.items()]
        pieces = [f"  <attr><code>{name}</code><new>{value}</new><action>A</action></attr>" for name, value in said]
        lines += ["<attrs>", *pieces, "</attrs>"]
    return "\n          ".join(lines)
