"""Options most commands share, and which configuration a command works with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import Faults

if TYPE_CHECKING:
    from gateway.config.model import Config

CONFIG_NAME = "bssgw.toml"
CONFIG_VARIABLE = "BSSGW_CONFIG"

operator_option = click.option(
    "--as", "operator", metavar="OPERATOR", help="操作人；缺省为系统用户。Who acts; default: the system's user."
)
area_option = click.option("--area", metavar="AREA", help="本地网，例如 025。Area, e.g. 025.")
json_option = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出。Print JSON.")


def limit_option(default: int = 50, most: int = 1000) -> Callable[[Any], Any]:
    """``--limit``: how many rows at most."""
    return click.option("--limit", type=click.IntRange(1, most), default=default, show_default=True,
                        help="最多条数。How many rows at most.")  # fmt: skip


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--config`` and ``--data-dir``."""
    command = click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="数据目录，代替配置中的。Data directory instead of the configuration's.",
    )(command)
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"配置文件；缺省 ${CONFIG_VARIABLE}、./{CONFIG_NAME}，再缺省用内置示例。"
        f"Configuration; default ${CONFIG_VARIABLE}, ./{CONFIG_NAME}, else the built-in example.",
    )(command)


def configured(config_path: Path | None, data_dir: Path | None, *, reach: bool = False) -> Config:
    """The configuration a command works with; ``reach``: its peers are to be reached at their addresses.
    Raises Faults (2) with every fault of the file."""
    from gateway.config.faults import ConfigError
    from gateway.config.file import load_example, load_file

    named = config_path
    if named is None and (variable := os.environ.get(CONFIG_VARIABLE)):
        named = Path(variable)
    if named is None and Path(CONFIG_NAME).is_file():
        named = Path(CONFIG_NAME)
    try:
        config = load_example(Path.cwd()) if named is None else load_file(named, reach=reach)
    except ConfigError as error:
        rows = error.rows()
        zh, en = f"配置不能使用，请改正以下 {len(rows)} 处", f"the configuration cannot be used, mend these {len(rows)}"
        raise Faults(zh, en, rows) from error
    return config if data_dir is None else config.with_data_dir(data_dir.absolute())
