"""Faults said so that a person can act on them: one sentence a rule, in Chinese and English (spec 01.2 rule 5)."""

from __future__ import annotations

from adapters.document import Fault

_SHOWN = 12
MISSING = "missing"
"""Rule of what is required and not there."""


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")


def _leaf(path: str) -> str:
    return path.rpartition("/")[2]


def missing(path: str, expected: tuple[str, ...], here: str, instead: bool = False) -> Fault:
    """A required element is not there; ``here`` is what it belongs before, or what nobody knows and stands ``instead``."""
    name = _listed(expected)
    zh, en = f"缺少必填元素 {name}", f"required element {name} is missing"
    if not expected:
        zh, en = f"{_leaf(path)} 内缺少元素", f"the element {_leaf(path)} has to hold is missing"
    if len(expected) > 1:
        zh, en = f"缺少必填元素（{name} 之一）", f"a required element is missing (one of {name})"
    if instead:
        return Fault(path, MISSING, here, f"{zh}，此处为 {here}，请更正", f"{en}; found {here} in its place: correct it")
    where = (f"，请补在 {here} 之前", f": add it before {here}") if here else ("，请补上", ": add it")
    return Fault(path, MISSING, here, f"{zh}{where[0]}", f"{en}{where[1]}")


def unexpected(path: str, name: str, expected: tuple[str, ...]) -> Fault:
    """An element that may not stand here: unknown, or in the wrong order."""
    zh, en = f"此处不允许出现元素 {name}", f"element {name} is not allowed here"
    if expected:
        return Fault(path, "unexpected", name, f"{zh}，应为 {_listed(expected)}", f"{en}: expected {_listed(expected)}")
    return Fault(path, "unexpected", name, f"{zh}，请删除或检查拼写与顺序", f"{en}: remove it, or check spelling and order")


def too_many(path: str, name: str, most: int) -> Fault:
    """An element that stood here as often as it may (``most``) already."""
    if most == 1:
        zh, en = f"元素 {name} 重复，只能出现一次", f"element {name} stands twice: it may occur only once"
    else:
        zh, en = f"元素 {name} 过多，最多 {most} 个", f"element {name} stands too often: at most {most} times"
    return Fault(path, "unexpected", name, zh, en)


def wrong_namespace(path: str, name: str, found: str, wanted: str) -> Fault:
    """An element of the right name in another namespace, or in none."""
    return Fault(
        path,
        "namespace",
        found,
        f"元素 {name} 的命名空间为 {found or '空'}，应为 {wanted}",
        f"element {name} stands in {f'namespace {found}' if found else 'no namespace'}: it belongs to {wanted}",
    )


def bad_enumeration(path: str, found: str, allowed: tuple[str, ...]) -> Fault:
    """A value outside its list."""
    values = _listed(allowed)
    return Fault(
        path, "enumeration", found, f"值 {found!r} 不在允许范围内，应为 {values}", f"{found!r} is not allowed: use {values}"
    )


def bad_pattern(path: str, found: str, pattern: str) -> Fault:
    """A value that is not of its form."""
    return Fault(
        path, "pattern", found, f"值 {found!r} 格式不符，应符合 {pattern}", f"{found!r} does not have the form {pattern}"
    )


def bad_length(path: str, found: str, count: int, short: bool, limit: int) -> Fault:
    """A value of ``count`` characters, too short (``short``) or too long."""
    if short and not found.strip():  # blanks alone collapse to nothing
        return Fault(path, "length", found, f"{_leaf(path)} 不能为空", f"{_leaf(path)} must not be empty")
    if short:
        return Fault(path, "length", found, f"长度 {count} 小于下限 {limit}", f"{count} characters, at least {limit} needed")
    return Fault(path, "length", found, f"长度 {count} 超过上限 {limit}", f"{count} characters, at most {limit} are allowed")


def bad_range(path: str, found: str, low: bool, limit: str) -> Fault:
    """A number below (``low``) or above its bounds."""
    if low:
        return Fault(path, "range", found, f"数值 {found} 小于下限 {limit}", f"{found} is below the lowest value {limit}")
    return Fault(path, "range", found, f"数值 {found} 大于上限 {limit}", f"{found} is above the highest value {limit}")


def bad_text(path: str, found: str) -> Fault:
    """Text where only elements may stand."""
    return Fault(path, "text", found, "此处只能有子元素，不能有文本", "only elements may stand here, no text")


def bad_type(path: str, found: str, name: str) -> Fault:
    """A value that cannot be read as its type (number, boolean, time), or text where structure belongs."""
    kind_zh, kind_en = _KINDS.get(name, (name or "规定的类型", name or "the required type"))
    return Fault(path, "type", found, f"值 {found!r} 不是{kind_zh}", f"{found!r} is not {kind_en}")


def bad_attribute(path: str, found: str) -> Fault:
    """An XML attribute; messages have none."""
    name = _leaf(path)
    return Fault(path, "attribute", found, f"不允许使用属性 {name}，请删除", f"attribute {name} is not allowed: remove it")


def bad_other(path: str, found: str, reason: str) -> Fault:
    """Whatever has no sentence of its own: the validator's words."""
    return Fault(path, "schema", found, f"不符合模式：{reason}", f"against the schema: {reason}")


_NUMBER = ("整数", "an integer")
_KINDS = {
    **dict.fromkeys(
        ("integer", "long", "int", "nonNegativeInteger", "positiveInteger", "decimal", "Count", "VersionNo", "SequenceNo"),
        _NUMBER,
    ),
    "boolean": ("布尔值（true 或 false）", "true or false"),
    "DateTime": ("时间（yyyyMMddHHmmss）", "a time (yyyyMMddHHmmss)"),
    "dateTime": ("时间", "a time"),
}
