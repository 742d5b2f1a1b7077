"""Entry of the command ``bssgw``: says so plainly where the interpreter is none it runs on, else hands over."""

import sys
from io import TextIOWrapper

OLDEST, NEWEST = (3, 11), (3, 13)


def main() -> None:
    """Runs the command line; exits with 2 on an unsupported Python."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        line = (
            "bssgw: 需要 CPython 3.11–3.13，现在是 {0}.{1}：请换用后重试。"
            " / needs CPython 3.11-3.13, this is {0}.{1}: use one of those.\n"
        )
        sys.stderr.write(line.format(*sys.version_info))
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that lacks a character gets its number, never a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        from gateway.cli.app import bssgw  # behind the check: what it imports needs the newer syntax

        bssgw(prog_name="bssgw")
    except KeyboardInterrupt:  # while it was still being read; afterwards the command line tells it
        sys.stderr.write("bssgw: 已中断 / interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
