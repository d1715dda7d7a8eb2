"""Encoder, checker, oracle and address-level model share what docs/model.md lists, and not one thing more."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
READINGS: Final = {
    "encoder": ("solver/aggregate", "solver/model", "solver/decode"),
    "checker": ("schema/verify",),
    "oracle": ("tests/reference",),
    "address-level": ("solver/address_model",),
}
ASKED: Final = {
    "schema/request/fields.py": "GuestFields",
    "schema/request/resolved.py": "ResolvedDevice",
    "schema/pci/machine.py": "Machine",
    "schema/pci/controllers.py": "ControllerModel",
    "schema/catalog/model.py": "DeviceModel",
    "schema/catalog/virtual_functions.py": "VirtualFunctions",
}
"""Classes of the request, whose methods and properties decide something: more than a value to be read."""

Parsed = Mapping[str, Iterable[tuple[str, ast.Module]]]
"""By reading its modules, each with its dotted name."""


def parsed() -> dict[str, list[tuple[str, ast.Module]]]:
    return {
        reading: [(module_of(path), ast.parse(path.read_text(encoding="utf-8"))) for path in sources(folders)]
        for reading, folders in READINGS.items()
    }


def sources(folders: Iterable[str]) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """`qslot.schema.verify` of schema/verify/__init__.py, which says `.` of itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("qslot", *parts))


def imported(module: str, tree: ast.Module) -> Iterator[str]:
    """`schema/pci/address.py:Pin` for each name of qslot that a module imports, late ones, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("qslot"))
        if not isinstance(node, ast.ImportFrom):
            continue
        base = (node.module or "").split(".")
        if node.level:
            base = [*module.split(".")[: -node.level], *(base if node.module else ())]
        if base[0] == "qslot":
            yield from (f"{file_of(base[1:])}:{alias.name}" for alias in node.names)


def file_of(parts: list[str]) -> str:
    path = "/".join(parts)
    return f"{path}.py" if (ROOT / f"{path}.py").is_file() else f"{path}/__init__.py"


def asked_for(trees: Iterable[ast.Module]) -> set[str]:
    """Methods and properties of the request's classes that these name. A class of their own may have such a name, too:
    that lists too much rather than too little."""
    names = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {f"{file}:{owner}.{name}" for file, owner in ASKED.items() for name in deciding(file, owner) & names}


def deciding(file: str, owner: str) -> set[str]:
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    (found,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    return {node.name for node in found.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}


def shared(readings: Parsed) -> dict[str, tuple[str, ...]]:
    """By what several share, who they are."""
    by: dict[str, set[str]] = defaultdict(set)
    for reading, modules in readings.items():
        for module, tree in modules:
            for name in imported(module, tree):
                by[name] |= {reading, *owners(name)}
        for name in asked_for(tree for _, tree in modules):
            by[name].add(reading)
    return {name: tuple(one for one in READINGS if one in who) for name, who in by.items() if len(who) > 1}


def owners(name: str) -> Iterator[str]:
    """The reading that a name is of, if it is of one: whoever imports it shares it."""
    yield from (
        reading for reading, folders in READINGS.items() if name.startswith(tuple(f"{one}/" for one in folders))
    )


def listed() -> dict[str, tuple[str, ...]]:
    """What docs/model.md says."""
    page = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    table = page.split("### All of it, name by name")[1].split("\n#")[0]
    rows = re.findall(r"^\| ([a-z, -]+) \| (`.*) \|$", table, re.MULTILINE)
    return {name: tuple(who.split(", ")) for who, names in rows for name in re.findall(r"`([^`]+)`", names)}


def test_they_share_what_the_page_lists_and_nothing_else() -> None:
    """What is shared is wrong in all of them if it is wrong: add it there, with what outside the project checks it."""
    there, told = shared(parsed()), listed()
    assert {name: who for name, who in there.items() if told.get(name) != who} == {}
    assert {name: who for name, who in told.items() if name not in there} == {}


def reads(module: str, text: str) -> list[tuple[str, ast.Module]]:
    return [(module, ast.parse(text))]


def test_a_helper_of_two_is_seen() -> None:
    late = reads("qslot.solver.model.one", "def late():\n    from ...schema.pci.size import align")
    plain = reads("qslot.tests.reference.two", "from qslot.schema.pci.size import align, MIB")
    assert shared({"encoder": late, "oracle": plain}) == {"schema/pci/size.py:align": ("encoder", "oracle")}


def test_what_one_takes_of_another_is_seen() -> None:
    taken = reads("qslot.schema.verify.one", "from ...solver.aggregate.pins import slot_kinds")
    assert shared({"checker": taken}) == {"solver/aggregate/pins.py:slot_kinds": ("encoder", "checker")}
    assert shared({"encoder": taken}) == {}


def test_a_property_of_the_request_that_two_ask_for_is_seen() -> None:
    asked = reads("qslot.solver.model.one", "def one(guest): return guest.resolved['a'].is_virtual")
    found = shared({"encoder": asked, "checker": asked, "oracle": []})
    assert found["schema/request/resolved.py:ResolvedDevice.is_virtual"] == ("encoder", "checker")
