"""What a person may do about a fallout record, as a table (spec 06.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """``input`` of the item machine for items on FALLOUT, if it touches them; ``ends``: it ends them, which forces a result, so
    that a second person approves; ``closes`` the record; ``message`` what becomes of the record's message, if it has one
    (``redeliver``, ``correct``, or nothing); ``only`` records about a ``message``, an ``order``, or any."""

    name: str
    zh: str
    en: str
    input: str = ""
    ends: bool = False
    closes: bool = True
    message: str = ""
    only: str = ""


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("claim", "领取", "claim", closes=False),
        Action("retry", "重试", "retry", input="desk_retry", message="redeliver"),
        Action("edit", "修改后重试", "edit and resend", input="desk_edit", message="correct"),
        Action("skip", "跳过", "skip the step", input="desk_skip"),
        Action("complete", "人工竣工", "complete by hand", input="desk_complete", ends=True, only="order"),
        Action("return", "人工退单", "return", input="desk_return", ends=True, only="order"),
        Action("cancel", "撤单", "cancel", only="order"),
        Action("ignore", "忽略", "ignore", only="message"),
        Action("close", "放弃并关闭", "give up and close", input="desk_give_up", ends=True),
    )
}
"""Action by name. ``cancel`` asks provisioning, which decides; ``close`` without items on FALLOUT ends nothing."""
