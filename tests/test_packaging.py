"""What ships, who imports whom, who prints. By reading syntax trees, and by importing in a fresh interpreter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import qslot

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


def test_every_folder_with_code_is_a_package() -> None:
    for name in ("schema", "solver"):
        for path in (ROOT / name).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


@pytest.mark.parametrize("name", ["schema", "solver"])
def test_qslot_holds_the_two_folders(name: str) -> None:
    """By links: a wheel and a checkout have the same packages, and pytest and mypy see the same files."""
    assert (ROOT / "qslot" / name).resolve() == ROOT / name
    assert (ROOT / "qslot" / "py.typed").exists()


def test_the_public_face_holds_no_logic() -> None:
    tree = ast.parse((ROOT / "qslot" / "__init__.py").read_text(encoding="utf-8"))
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} == {"__getattr__", "__dir__"}


def test_every_public_name_is_there() -> None:
    """And nothing else but modules."""
    assert [name for name in qslot.__all__ if getattr(qslot, name, None) is None] == []
    others = {name for name, value in vars(qslot).items() if name[0] != "_" and not isinstance(value, ModuleType)}
    assert others - {*qslot.__all__} == {"TYPE_CHECKING", "import_module", "version"}


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse((ROOT / "qslot" / "__init__.py").read_text(encoding="utf-8"))
    (told,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in told.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: f"qslot.{node.module}" for node in imports for alias in node.names} == qslot._MODULES


def test_the_public_face_loads_no_solver_until_it_is_asked() -> None:
    assert not loaded("import qslot") & {"ortools", "numpy", "pandas", "yaml", "click"}
    assert "pydantic" not in loaded("import qslot")
    assert "ortools" in loaded("import qslot; qslot.solve(qslot.Guest(machine='q35'))")


def test_the_installed_package_is_taken_beside_a_checkout_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "qslot").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import qslot; print(qslot.__version__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == qslot.__version__, done.stderr


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
