"""Files that are whole or not there: what is to be replaced is written beside, then put in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def put(contents: Mapping[Path, str]) -> None:
    """Every file, or, where one cannot be written, none. Raises OSError."""
    parts = {path: path.with_name(f"{path.name}.part") for path in contents}
    try:
        for path, text in contents.items():
            parts[path].write_bytes(text.encode("utf-8", "backslashreplace"))
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
