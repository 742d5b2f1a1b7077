"""Faults of a TOML file people write, with their lines and a way out, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.toml_lines import KeyPath, line_of

SHOWN = 60


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One fault: where it stands, what was found, and what to do, in both languages."""

    line: int
    key: str
    found: str
    zh: str
    en: str

    @property
    def subject(self) -> str:
        """Key and what was found, as a line of text begins; empty where the whole file is meant."""
        if not self.key:
            return ""
        return f"{self.key} = {self.found}: " if self.found else f"{self.key}: "


class ConfigError(Exception):
    """The file cannot be used; ``faults`` in the order of lines."""

    def __init__(self, source: str, faults: list[ConfigFault]) -> None:
        self.source = source
        self.faults = sorted(faults, key=lambda fault: (fault.line, fault.key))
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line a fault: ``file:line: key = found: Chinese / English``."""
        return [f"{self.source}:{fault.line}: {fault.subject}{fault.zh} / {fault.en}" for fault in self.faults]

    def rows(self) -> list[dict[str, str]]:
        """One a fault for ``gateway.cli.output.Faults``: where it stands with what was found there, and both languages."""
        return [
            {"where": f"{self.source}:{one.line}: {one.subject}".removesuffix(": "), "zh": one.zh, "en": one.en}
            for one in self.faults
        ]


def dotted(path: KeyPath) -> str:
    """A key as people write it: ``peer[2].timers.connect``, tables of an array counted from 1."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else part
    return out


def show(value: object) -> str:
    """What was found, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


_TEXTS: dict[str, tuple[str, str]] = {
    "missing": ("缺少这一项，请补上", "this key is missing; add it"),
    "extra_forbidden": (
        "没有这一项；删去它，或对照 {example} 改正拼写",
        "no such key; remove it, or see {example}",
    ),
    "string_type": ("须为字符串，请加引号", "must be a string; quote it"),
    "string_unicode": ("不是可读的文字：终端须用 UTF-8", "is no readable text: have the terminal use UTF-8"),
    "string_too_short": ("不能为空", "must not be empty"),
    "string_too_long": ("最多 {max_length} 个字符", "at most {max_length} characters"),
    "int_type": ("须为整数，不加引号", "must be a whole number without quotes"),
    "float_type": ("须为数字（秒），不加引号", "must be a number (seconds) without quotes"),
    "bool_type": ("须为 true 或 false，不加引号", "must be true or false without quotes"),
    "literal_error": ("可用的值：{expected}", "must be one of {expected}"),
    "greater_than": ("须大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不得小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "must be at most {le}"),
    "too_short": ("至少列出 {min_length} 项", "list at least {min_length}"),
    "tuple_type": ('须为列表，例如 ["025"]', 'must be a list, for example ["025"]'),
    "model_type": ("须为一个表（例如 [gateway]）", "must be a table (for example [gateway])"),
    "path_type": ("须为文件路径字符串", "must be a path in quotes"),
}

_PATTERNS: dict[str, tuple[str, str]] = {
    "id": ('须为 1–6 位大写字母或数字，例如 "PF0001"', 'must be 1-6 capitals or digits, for example "PF0001"'),
    "areas": ('本地网代码为 1–6 位字母或数字，例如 "025"', 'an area code is 1-6 letters or digits, for example "025"'),
    "address": (
        '地址写作 tcp://主机:端口（TLS 为 tls://），例如 "tcp://127.0.0.1:7100"',
        'write it tcp://host:port (tls:// for TLS), for example "tcp://127.0.0.1:7100"',
    ),
    "code": ("须为 1–12 个字符（属性 32 个），不含空格", "must be 1-12 characters (of an attribute 32) without blanks"),
    "digest": ("须为 64 位小写十六进制（公钥的 SHA-256）", "must be 64 lower-case hex digits (SHA-256 of the public key)"),
}
_PATTERN_OF = {"id": "id", "system_id": "id", "areas": "areas", "address": "address", "connect": "address"}
_PATTERN_OF |= {"certificate_sha256": "digest", "code": "code"}


def texts_of(entry: Any) -> tuple[str, str]:
    """Chinese and English of one pydantic error, with what to do."""
    kind = entry["type"]
    if kind == "string_pattern_mismatch":
        key = next((part for part in reversed(entry["loc"]) if isinstance(part, str)), "")
        form = entry["ctx"]["pattern"]
        return _PATTERNS[_PATTERN_OF[key]] if key in _PATTERN_OF else (f"须符合 {form}", f"must have the form {form}")
    zh, en = _TEXTS.get(kind, ("{message}", "{message}"))
    context = {**entry.get("ctx", {}), "message": entry["msg"], "example": "{example}"}
    chinese = {name: value.replace(" or ", ", ") if isinstance(value, str) else value for name, value in context.items()}
    return zh.format(**chinese), en.format(**context)


def faults_of(error: ValidationError, lines: dict[KeyPath, int], example: str = "bssgw config example") -> list[ConfigFault]:
    """What pydantic found in values whose keys stand at ``lines``; ``example``: the command that prints a file to look at."""
    faults = []
    for entry in error.errors(include_url=False):
        path = tuple(entry["loc"])
        zh, en = (text.replace("{example}", example) for text in texts_of(entry))
        found = "" if entry["type"] == "missing" else show(entry["input"])
        faults.append(ConfigFault(line_of(lines, path), dotted(path), found, zh, en))
    return faults
