"""The order of rooms: who may import whom, and that a name means one thing. Read from the syntax trees."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]

SCHEMA: Final = (
    (
        "base",
        "bounded_input",
        "bounded_xml",
        "errors",
        "lazy",
        "packaged",
        "records",
        "rules",
        "version",
        "weights",
        "words",
    ),
    ("meanings",),
    ("pci", "qemu"),
    ("finding",),
    ("catalog",),
    ("request",),
    ("explanation",),
    ("layout",),
    ("firmware",),
    ("linux", "environment", "host_devices", "qemu_arguments", "previous"),
    ("verify", "libvirt", "hotplug", "running"),
    ("comparison",),
    ("picture",),
    ("formats",),
    ("probe",),
)
SOLVER: Final = (
    ("progress",),
    ("options", "formulation", "rule_map"),
    ("aggregate",),
    ("model",),
    ("decode",),
    ("search",),
    ("address_model", "replanning"),
    ("ordering",),
    ("solving",),
    ("explanation", "more_devices", "hotplug_remedies", "fleet"),
    ("advice",),
    ("cli",),
)
TESTING: Final = (
    ("generator", "libvirt", "live_qemu"),
    ("scarcity", "edits"),
    ("misstatements",),
    ("mutants",),
    ("strategies",),
    ("living",),
    ("registration", "plugin"),
)
SIDES: Final = {"schema": SCHEMA, "solver": SOLVER, "testing": TESTING}
"""Rooms from the bottom up: each knows those below it; and a side those before it."""

CLIMBS: Final = {
    ("schema/layout/layout.py", "qslot.schema.formats.qemu"),
    ("schema/layout/layout.py", "qslot.schema.formats.text_layout"),
    ("schema/layout/layout.py", "qslot.schema.libvirt.write"),
    ("schema/layout/layout.py", "qslot.schema.picture.html_page"),
}
"""`Layout.to_qemu`, `to_qmp`, `to_libvirt`, `str` and its picture in a notebook: a layout is written where it is asked
to."""


def modules() -> dict[str, Path]:
    """Every module of qslot by its name."""
    found = {}
    for folder in SIDES:
        for path in (ROOT / folder).rglob("*.py"):
            parts = ("qslot", *path.relative_to(ROOT).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES: Final = modules()


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """Modules of qslot that a module imports, late and for type checkers, too."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
        base = f"{base}.{node.module}" if node.module else base
        for alias in node.names:
            yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base


def level(name: str) -> int | None:
    """That of the module's room; None of what gathers names for others."""
    _, folder, *rest = name.split(".")
    return next((number for number, same in enumerate(SIDES[folder]) if rest and rest[0] in same), None)


def climbing(name: str, tree: ast.Module) -> list[str]:
    """Imports from a room above."""
    here, side = level(name), name.split(".")[1]
    if here is None:
        return []
    same = (other for other in imports(name, tree) if other.split(".")[1] == side and other in MODULES)
    return [other for other in same if (level(other) or 0) > here]


def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def test_every_module_has_a_room() -> None:
    gathering = {f"qslot.{side}" for side in SIDES}
    assert [name for name in MODULES if level(name) is None and name not in gathering] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_import_climbs(name: str) -> None:
    path = str(MODULES[name].relative_to(ROOT))
    assert [other for other in climbing(name, parsed(name)) if (path, other) not in CLIMBS] == []


@pytest.mark.parametrize("name", MODULES)
def test_no_side_knows_a_later_one(name: str) -> None:
    """Nothing of the planner needs what tests need."""
    sides = list(SIDES)
    later = sides[sides.index(name.split(".")[1]) + 1 :]
    found = {other for other in imports(name, parsed(name)) if other in MODULES}
    assert [other for other in found if other.split(".")[1] in later] == []


def test_a_climb_is_seen() -> None:
    turned = ast.parse("def late() -> None:\n    from ..formats import files\n")
    assert climbing("qslot.schema.pci.address", turned) == ["qslot.schema.formats.files"]


def test_no_imports_go_round() -> None:
    graph = {
        name: {
            other
            for other in imports(name, parsed(name))
            if other in MODULES and (str(MODULES[name].relative_to(ROOT)), other) not in CLIMBS
        }
        - {name}
        for name in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports go round: {' -> '.join(error.args[1])}")


def test_a_class_name_means_one_thing() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for name in MODULES:
        for node in parsed(name).body:
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_a_constant_has_one_value() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for name in MODULES:
        for node in parsed(name).body:
            targets = (
                node.targets
                if isinstance(node, ast.Assign)
                else [node.target]
                if isinstance(node, ast.AnnAssign)
                else []
            )
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper() and getattr(node, "value", None) is not None:
                    found[target.id].add(ast.unparse(node.value))  # type: ignore[attr-defined]
    assert {name: values for name, values in found.items() if len(values) > 1 and name[0] != "_"} == {}
