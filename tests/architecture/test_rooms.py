"""Habits of the house that the linters cannot see (architecture 3, examples "what a reviewer refuses")."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "schemas", "adapters", "crm_core", "simulators", "conformance")
MODULE_LINES = 400
FUNCTION_LINES = 50
REFUSED_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
REVISIONS = ROOT / "adapters" / "store" / "migrations" / "versions"


def modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py") if REVISIONS not in path.parents)


@cache
def tree(path: Path) -> ast.Module:
    """The module, parsed once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(tree(path)))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module


def imported_names(path: Path) -> Iterator[str]:
    """As ``imports``, and everything taken out of them: a module may be taken out of its package."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join((*parent, *filter(None, [node.module])))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_the_core_and_the_wire_know_only_the_standard_library() -> None:
    allowed = {"crm_core": ("crm_core",), "adapters/wire": ("adapters.wire",)}
    foreign = [
        f"{name_of(path)}: {module}"
        for room, own in allowed.items()
        for path in modules(room)
        for module in imports(path)
        if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith(own)
    ]
    assert foreign == []


def test_no_module_is_longer_than_a_reader_takes_in() -> None:
    long = [name_of(path) for path in modules(*ROOMS) if len(path.read_text(encoding="utf-8").splitlines()) > MODULE_LINES]
    assert long == []


def test_no_function_is_longer_than_a_page() -> None:
    long = []
    for path in modules(*ROOMS):
        for node in nodes(path):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            # the options declared above a command are a table, not its work
            if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES:
                long.append(f"{name_of(path)}:{node.lineno} {node.name}")
    assert long == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports for types only and imports within functions count: what two modules share belongs into neither's user."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules(*ROOMS)}
    imported = {name: [one for one in imported_names(path) if one in names] for name, path in names.items()}
    while outer := [name for name, found in imported.items() if not any(one in imported for one in found)]:
        for name in outer:
            del imported[name]
    while inner := [name for name in imported if not any(name in found for found in imported.values())]:
        for name in inner:
            del imported[name]
    assert {name: [one for one in found if one in imported] for name, found in imported.items()} == {}


def test_no_module_is_named_after_nothing() -> None:
    assert [name_of(path) for path in modules(*ROOMS) if path.stem in REFUSED_NAMES] == []


def test_packages_say_what_they_are_for_and_nothing_else() -> None:
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("__init__.py"))):
        body = tree(path).body
        only_docstring = len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        assert only_docstring, name_of(path)


def test_every_module_and_public_name_says_what_it_is_for() -> None:
    silent = []
    for path in modules(*ROOMS):
        module = tree(path)
        if ast.get_docstring(module) is None:
            silent.append(name_of(path))
        for node in module.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and ast.get_docstring(node) is None:
                silent.append(f"{name_of(path)} {node.name}")
    assert silent == []


def test_nothing_waits_to_be_written() -> None:
    marks = ("TODO", "FIXME", "XXX", "NotImplementedError", "HACK")
    found = [
        f"{name_of(path)}: {mark}" for path in modules(*ROOMS) for mark in marks if mark in path.read_text(encoding="utf-8")
    ]
    assert found == []


def test_no_handler_swallows_everything() -> None:
    bare = []
    for path in modules(*ROOMS):
        for node in nodes(path):
            if isinstance(node, ast.ExceptHandler):
                silent = all(isinstance(entry, ast.Pass) for entry in node.body)
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
                )
                if node.type is None or (broad and silent):
                    bare.append(f"{name_of(path)}:{node.lineno}")
    assert bare == []


def test_simulators_and_conformance_are_imported_only_by_the_command_line_and_what_proves_and_measures() -> None:
    edge = tuple(ROOT / "gateway" / name for name in ("cli", "proof", "bench", "stories"))
    found = [
        f"{name_of(path)}: {module}"
        for path in modules("gateway")
        if not any(folder in path.parents for folder in edge)
        for module in imports(path)
        if module.split(".")[0] in ("simulators", "conformance")
    ]
    assert found == []


@pytest.mark.parametrize("module", ["gateway.service", "gateway.cli.run", "gateway.links.endpoints", "simulators.host"])
def test_importing_it_does_not_install_a_reactor(module: str) -> None:
    program = f"import sys, {module}; sys.exit('twisted.internet.reactor' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_the_command_line_starts_without_what_it_does_not_need() -> None:
    heavy = ("twisted", "sqlalchemy", "lxml", "pydantic", "alembic", "rich", "xmlschema")
    program = f"import sys, gateway.cli.app; sys.exit([m for m in {heavy!r} if m in sys.modules] or 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.stderr == ""
