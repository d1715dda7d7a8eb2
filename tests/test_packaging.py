"""What ships, who imports whom, who prints. By reading syntax trees, and by importing in a fresh interpreter."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRINTERS = ("solver/cli/", "schema/catalog/measure/generate.py")


def sources(folder: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Names of imported modules; relative ones with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_package_list_holds_every_folder() -> None:
    """A sub-package missing from the list works in the editable install and is absent from the wheel."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent for name in ("schema", "solver") for path in (ROOT / name).rglob("__init__.py")}
    assert sorted(settings["tool"]["setuptools"]["packages"]) == sorted(
        ".".join(("qslot", *folder.relative_to(ROOT).parts)) for folder in folders
    )


def test_every_folder_with_code_is_a_package() -> None:
    for name in ("schema", "solver"):
        for path in (ROOT / name).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


@pytest.mark.parametrize("name", ["schema", "solver"])
def test_links_for_type_checkers(name: str) -> None:
    assert (ROOT / "typings" / "qslot" / name).resolve() == ROOT / name
    assert (ROOT / name / "py.typed").exists()


def test_schema_knows_no_solver() -> None:
    for path, tree in sources("schema"):
        for name in imported(tree):
            assert not name.startswith(("ortools", "qslot.solver", "solver")), f"{path} imports {name}"


def test_imports_inside_a_package_are_relative() -> None:
    """Absolute ones make type checkers see each class twice."""
    for folder in ("schema", "solver"):
        for path, tree in sources(folder):
            for name in imported(tree):
                assert not name.startswith((f"qslot.{folder}", f"{folder}.")), f"{path} imports {name}"


def test_only_the_command_prints() -> None:
    for folder in ("schema", "solver"):
        for path, tree in sources(folder):
            if path.startswith(PRINTERS):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in ("print", "sys.stdout.write", "sys.stderr.write", "click.echo"), path


def loaded(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint('\\n'.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_schema_loads_nothing_heavy() -> None:
    rooms = ("schema", "schema.verify", "schema.probe", "schema.formats.files", "schema.formats.qemu")
    assert not loaded(f"import {', '.join(f'qslot.{room}' for room in rooms)}") & {
        "ortools",
        "qemu",
        "pandas",
        "numpy",
        "click",
    }


def test_help_loads_no_solver() -> None:
    assert not loaded("import qslot.solver.cli") & {"ortools", "pandas", "numpy", "yaml"}
