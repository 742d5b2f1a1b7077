"""One script for a whole fleet: what the simulated systems do otherwise than usual, out of one TOML file.

``[[act]]`` is provisioning's (``pf.script``), ``[[arrears]]`` billing's (``bill.script``), the other tables are resource
management's (``rm.script``).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.bill import script as bill_script
from simulators.pf import script as pf_script
from simulators.rm import script as rm_script

_TABLES = ("act", "manual", "event", "failure", "cutover", "arrears")


@dataclass(frozen=True, slots=True)
class Scripts:
    """The scripts of those that have one."""

    pf: pf_script.Script = field(default_factory=pf_script.Script)
    rm: rm_script.Script = field(default_factory=rm_script.Script)
    bill: bill_script.Script = field(default_factory=bill_script.Script)


def read_scripts(data: dict[str, Any]) -> Scripts:
    """The scripts in ``data``. Raises ScriptInvalid: what it says is unknown or incomplete."""
    for name in data:
        if name not in _TABLES:
            known = ", ".join(_TABLES)
            raise pf_script.ScriptInvalid(f"脚本没有表 {name}，可用 {known} / no table {name} in a script; there are {known}")
    try:
        return Scripts(pf_script.read_script(data), rm_script.read_script(data), bill_script.read_script(data))
    except (KeyError, TypeError) as fault:
        raise pf_script.ScriptInvalid(f"脚本缺少 {fault} / the script lacks {fault}") from fault
    except pf_script.ScriptInvalid:
        raise
    except ValueError as fault:
        raise pf_script.ScriptInvalid(f"脚本的值无效：{fault} / a value of the script is not valid: {fault}") from fault


def scripts_of(path: Path) -> Scripts:
    """The scripts in a TOML file. Raises ScriptInvalid, OSError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise pf_script.ScriptInvalid(f"脚本不是 TOML：{fault} / the script is no TOML: {fault}") from fault
    return read_scripts(data)
