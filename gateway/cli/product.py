"""``bssgw product``: what can be ordered here, the sample catalogue or an operator's own (spec 03)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, Exit, emit, table
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from crm_core.products.model import Product


@click.group(epilog=EXIT_HELP)
def product() -> None:
    """产品：列出、检查、取得示例。Products: list, check, get the example.

    \b
    例 Example:  bssgw product example > products.toml && bssgw product check products.toml
    """


@product.command("list", epilog=EXIT_HELP)
@store_options
@json_option
def list_(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出可订购的产品及其动作、属性：[gateway] products 所指的文件，没有则为示例目录。

    List the products that can be ordered, with their actions and attributes: those of the file [gateway] products names, or the
    sample catalogue.

    \b
    例 Example:  bssgw product list
    """
    from crm_core.products.sample import load_products
    from gateway.config.products import products_of

    path = configured(config_path, data_dir).gateway.products
    found = products_of(path) or load_products()
    _show(found, as_json, {"file": None if path is None else str(path)})


@product.command(epilog=EXIT_HELP)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """检查产品文件 FILE，一次列出全部错误；正确时列出产品。在 [gateway] 写 products = "FILE" 即可使用。

    Check the file of products FILE: every fault at once, or the products. Name it in [gateway] products to use it.

    \b
    例 Example:  bssgw product check products.toml
    """
    from gateway.config.products import ProductsUnusable, products_of

    try:
        found = products_of(file) or {}
    except UnicodeDecodeError as fault:
        faults = [{"where": file.name, "zh": f"须为 UTF-8（{fault.reason}）", "en": f"must be UTF-8 ({fault.reason})"}]
    except ProductsUnusable as unusable:
        faults = [
            {"where": f"{file.name}:{one.line}: {one.subject}".removesuffix(": "), "zh": one.zh, "en": one.en}
            for one in unusable.faults
        ]
    else:
        _show(found, as_json, {"ok": True, "faults": []})
        return
    emit(as_json, {"ok": False, "faults": faults, "products": []}, lambda: _say(faults))
    ctx.exit(Exit.FAILED)


@product.command(epilog=EXIT_HELP)
@json_option
def example(as_json: bool) -> None:
    """打印示例目录的文件，供修改。Print the file of the sample catalogue, to begin with.

    \b
    例 Example:  bssgw product example > products.toml
    """
    from gateway.config.products import example_products

    text = example_products()
    emit(as_json, {"text": text}, lambda: click.echo(text, nl=False))


def _say(faults: list[dict[str, str]]) -> None:
    for fault in faults:
        click.echo(f"{fault['where']}: {fault['zh']} / {fault['en']}")


def _show(products: dict[str, Product], as_json: bool, head: dict[str, Any]) -> None:
    rows = [
        {"code": one.code, "zh": one.zh, "en": one.en, "family": one.family, "kind": one.kind, "status": one.status,
         "actions": list(one.processes), "processes": one.processes,
         "attrs": [{"code": attr.code, "required": attr.required, "actions": list(attr.actions)} for attr in one.attrs],
         "resource_types": list(one.resource_types), "sla_days": one.sla_days}
        for one in products.values()
    ]  # fmt: skip

    def show() -> None:
        columns = ("产品 product", "名称 name", "动作 actions", "属性 attributes", "在售 on sale")
        table("", columns, [
            (one.code, f"{one.zh} {one.en}", " ".join(one.processes), " ".join(attr.code for attr in one.attrs),
             "是 yes" if one.status == "on_sale" else "否 no")
            for one in products.values()
        ])  # fmt: skip

    emit(as_json, {**head, "products": rows}, show)
