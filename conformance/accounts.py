"""With what the suite proves who it is, where the system under test demands that of those it speaks with: a login (LN01) on
sockets (spec 01.1.5), HTTP Basic or a UsernameToken over HTTP (01.3, 01.4), both ways (07.3)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

LOGIN, BASIC, DIGEST, TEXT = "login", "basic", "digest", "text"
TOKENS = (DIGEST, TEXT)
"""Accounts that are shown as WS-Security UsernameToken."""
_HOWS = {"socket": (LOGIN,), "http": (BASIC,), "soap": (BASIC, DIGEST, TEXT)}
"""How an account may be shown on each binding."""
_EVERY = (LOGIN, BASIC, DIGEST, TEXT)
TEMPLATE = (
    "[accounts]  # 被测方要求登录或鉴权时，各扮演方的账户 accounts of the played parties, where it demands them",
    "# user: 本套件以谁的名义 as whom the suite speaks; sut_user: 被测方以谁的名义，空为其编号 as whom it does (empty: its id)",
    "# how: 套接字为 login（可省略）；http 为 basic；soap 为 basic、digest 或 text（UsernameToken）",
    "#      login on sockets (may be left out); basic over http; basic, digest or text (UsernameToken) over soap",
    "# 密钥取其一 the secret, one of: secret, secret_file（与问卷同目录 beside this file）, secret_env（环境变量 environment）",
    '# CRM = { user = "CRM001", secret_file = "crm.secret", sut_user = "PF0001", how = "digest" }',
)
_SECRETS = ("secret", "secret_file", "secret_env")
_KEYS = ("user", *_SECRETS, "sut_user", "how")


class AccountWrong(ValueError):
    """An account nobody can log in with; both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh, self.en = zh, en


@dataclass(frozen=True, slots=True)
class Account:
    """What a played party and the system under test share. ``sut_user``: as whom it speaks with the party; empty: its id.
    ``how`` it is shown: empty where nobody said; ``place``: where it stands, for faults."""

    user: str
    secret: str = field(repr=False)
    sut_user: str = ""
    how: str = ""
    place: str = field(default="", compare=False)

    def at(self, role: str, binding: str) -> Account:
        """The account of ``role`` on a binding. Raises AccountWrong where it cannot be shown there."""
        allowed = _HOWS[binding]
        if self.how in allowed:
            return self
        if not self.how and binding == "socket":
            return replace(self, how=LOGIN)
        there = " | ".join(f'"{one}"' for one in allowed)
        if not self.how:
            zh = f"[accounts] {role} 缺少 how：{binding} 没有 LN01 登录，请写 how = {there}"
            raise AccountWrong(zh, f"[accounts] {role} lacks how: there is no login LN01 over {binding}; say how = {there}")
        zh = f'[accounts] {role} 的 how = "{self.how}" 不能用于 {binding}，请写 how = {there}'
        raise AccountWrong(zh, f'[accounts] {role} says how = "{self.how}", which is none over {binding}; say how = {there}')


def account(given: Any, base: Path, place: str = "", environment: Mapping[str, str] = os.environ) -> Account:
    """The account of one party; ``secret_file`` stands in ``base``, ``secret_env`` in ``environment``. Raises AccountWrong."""
    if not isinstance(given, dict) or any(not isinstance(value, str) for value in given.values()):
        raise AccountWrong("账户的写法见 conformance pics", "see conformance pics for how an account is written")
    unknown = [key for key in given if key not in _KEYS]
    if unknown:
        raise AccountWrong(f"账户不认识 {unknown[0]}", f"an account has no {unknown[0]}, but {', '.join(_KEYS)}")
    if not given.get("user") or len([name for name in _SECRETS if given.get(name)]) != 1:
        zh = "账户须有 user，以及 secret、secret_file、secret_env 之一"
        raise AccountWrong(zh, "an account has a user, and a secret or a secret_file or a secret_env")
    how = given.get("how", "")
    if how and how not in _EVERY:
        raise AccountWrong(f"how 须为 {'、'.join(_EVERY)} 之一", f"how is one of {', '.join(_EVERY)}")
    users = (given["user"], given.get("sut_user", ""))
    if how == BASIC and any(":" in user for user in users):
        raise AccountWrong("HTTP Basic 的用户名不能含冒号", "a user of HTTP Basic has no colon in its name")
    return Account(given["user"], _secret(given, base, environment), given.get("sut_user", ""), how, place)


def _secret(given: dict[str, str], base: Path, environment: Mapping[str, str]) -> str:
    """The secret, wherever it is said to stand. Raises AccountWrong."""
    if given.get("secret"):
        return given["secret"]
    if name := given.get("secret_env"):
        if not environment.get(name):
            raise AccountWrong(f"环境变量 {name} 未设置，请先设置", f"the environment variable {name} is not set: set it first")
        return environment[name]
    name = given["secret_file"]
    try:
        secret = (base / name).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise AccountWrong(f"{name} 无法读取", f"{name} cannot be read") from fault
    if not secret:
        raise AccountWrong(f"{name} 是空的，请写入密钥", f"{name} is empty: put the secret there")
    return secret
