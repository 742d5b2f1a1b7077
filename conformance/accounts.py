"""With what the suite logs in, where the system under test demands login (LN01) of those it speaks with (spec 01.1.5, 07.3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = (
    "[accounts]  # 被测方要求登录 (LN01) 时，各扮演方的账户 accounts of the played parties, where it demands login of them",
    "# user: 本套件以谁登录 as whom the suite logs in; sut_user: 被测方以谁登录，空为其编号 as whom it does (empty: its id)",
    '# CRM = { user = "CRM001", secret_file = "crm.secret", sut_user = "PF0001" }',
)
_KEYS = ("user", "secret", "secret_file", "sut_user")


class AccountWrong(ValueError):
    """An account nobody can log in with; both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh, self.en = zh, en


@dataclass(frozen=True, slots=True)
class Account:
    """What a played party and the system under test share. ``sut_user``: as whom it logs in with the party; empty: its id."""

    user: str
    secret: str
    sut_user: str = ""


def account(given: Any, base: Path) -> Account:
    """The account of one party; ``secret_file`` stands in ``base``. Raises AccountWrong."""
    if not isinstance(given, dict) or any(not isinstance(value, str) for value in given.values()):
        raise AccountWrong("账户的写法见 conformance pics", "see conformance pics for how an account is written")
    unknown = [key for key in given if key not in _KEYS]
    if unknown:
        raise AccountWrong(f"账户不认识 {unknown[0]}", f"an account has no {unknown[0]}, but {', '.join(_KEYS)}")
    if not given.get("user") or bool(given.get("secret")) is bool(given.get("secret_file")):
        raise AccountWrong("账户须有 user，以及 secret 或 secret_file", "an account has a user, and a secret or a secret_file")
    secret = given.get("secret", "")
    if not secret:
        try:
            secret = (base / given["secret_file"]).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise AccountWrong(f"{given['secret_file']} 无法读取", f"{given['secret_file']} cannot be read") from fault
    return Account(given["user"], secret, given.get("sut_user", ""))
