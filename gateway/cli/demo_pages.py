"""The stories as pages of the documentation: a page and a drawing each, and a list by chapter (``docs/stories``)."""

from __future__ import annotations

from gateway.cli.demo_drawing import draw_mermaid
from gateway.cli.demo_svg import draw_svg
from gateway.stories.play import Told

SHORT_OF = {"CH": "渠道 channel", "CRM": "CRM", "PF": "服务开通 PF", "RM": "资源 RM", "BILL": "计费 BILL"}
"""Systems as the tables of final states name them."""

MADE = "<!-- 由 `bssgw demo docs` 生成，请改故事而不改本页。Made by `bssgw demo docs`: change the story, not this page. -->"

_README = f"""{MADE}

# 故事 Stories

每个故事把真实的网关、数据库和模拟的对端放进一个虚拟时间的世界里演一遍；结束时核对所有系统的终态，并由审计器检查。

Each story plays the real gateway and store with the simulated peers in a world of virtual time. At its end the states of all
systems are compared with what the story expects, and the auditor looks for anything that must never be.

```sh
bssgw demo list                # 有哪些 what there is
bssgw demo run cutover         # 演一个：时序图与终态 play one: its sequence and how everybody stands
bssgw demo run --all           # 全部，一行一个 all of them, a row each
bssgw demo run cutover --out . # 另存 SVG 与 Mermaid save the drawing
```

图例 Legend: 实线 message · 虚线 its answer · ✓ 回执代码 the receipt's code · × 拒绝或丢失 refused or lost ·
↻ 同一报文重到 the same message once more.

时间为虚拟时间，从故事开始起算；数小时的工作演成一秒。Times are virtual, counted from the beginning; hours of work are told in
a second.

| 章 Chapter | 故事 Story | |
|---|---|---|
"""


def page(told: Told) -> str:
    """One story in Markdown."""
    story = told.story
    rows = "\n".join(f"| {SHORT_OF.get(system, system)} | {what} | {state} |" for system, what, state in told.ends)
    return f"""{MADE}

# {story.zh}

**{story.en}** · {story.clause} · `bssgw demo run {story.name}`

{story.tells_zh}

{story.tells_en}

![{story.zh} / {story.en}]({story.name}.svg)

## 终态 How everybody stands

| 系统 System | 什么 What | 状态 State |
|---|---|---|
{rows}

## Mermaid

```mermaid
{draw_mermaid(told.moments)}
```
"""


def drawing(told: Told) -> str:
    """One story as SVG."""
    story = told.story
    return draw_svg(f"{story.zh} · {story.en}", f"{story.clause} · bssgw demo run {story.name}", told.moments, told.drawn_from)


def pages(all_told: list[Told]) -> dict[str, str]:
    """Every file of the folder by its name."""
    made = {"README.md": readme(all_told)}
    for told in all_told:
        made |= {f"{told.story.name}.md": page(told), f"{told.story.name}.svg": drawing(told)}
    return made


def readme(all_told: list[Told]) -> str:
    """The list by chapter."""
    rows = [f"| {one.story.clause} | [{one.story.zh}]({one.story.name}.md) | {one.story.en} |" for one in all_told]
    return _README + "\n".join(rows) + "\n"
