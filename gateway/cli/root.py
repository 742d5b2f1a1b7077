"""The group ``bssgw`` itself: whatever ends a command early is told in both languages, as JSON where JSON was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from gateway.cli.lazy import LazyGroup
from gateway.cli.output import JSON_ASKED, CommandFailed, Exit, Interrupted, unread

OPTION = "--json"


class Root(LazyGroup):
    """The root of the command line. Usage errors end with status 2, Ctrl-C with 130, output nobody reads with 141."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As ever; the words are kept for what may have to be said about them."""
        words = list(args)
        with telling(click.Context(self, info_name=info_name, obj=words)):
            return super().make_context(info_name, args, parent, obj=words, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command that is named."""
        with telling(ctx):
            return super().invoke(ctx)


@contextmanager
def telling(root: click.Context) -> Iterator[None]:
    """Click's own exceptions become ours; ``root.obj`` holds the words of the command line. Raises CommandFailed."""
    root.meta[JSON_ASKED] = as_json = OPTION in root.obj
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as fault:
        from gateway.cli.mistakes import mistake

        found = mistake(fault, root.obj, root)
        raise CommandFailed(Exit.USAGE, found.zh, found.en, then=found.next, as_json=as_json) from fault
    except (KeyboardInterrupt, click.Abort) as fault:
        raise Interrupted(as_json=as_json) from fault
    except BrokenPipeError as fault:
        raise click.exceptions.Exit(unread()) from fault
