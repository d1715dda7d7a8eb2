"""docs/rules.md: each rule with the places where it is checked, encoded, explained and tested.

The page is made here, as nothing else knows schema, solver and tests. What is encoded where is written by hand
(`qslot.solver.rule_map`); the other places are read from the code itself.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from qslot.schema.rules import RULES, Rule
from qslot.schema.verify import CHECKS
from qslot.schema.verify.environment import ENVIRONMENT_CHECKS
from qslot.solver.rule_map import ENCODED, NOT_ENCODED

from .solver.rules.test_every_rule import MODULES

ROOT = Path(__file__).parents[1]
BREAKS = "test_one_broken_rule_is_the_one_that_is_found"
HEAD = """# Rules

Findings of `qslot check` and facts of `qslot explain` carry these codes. Each links to its meaning in
[semantics.md](semantics.md); below it stands where the code keeps it. A request that cannot be valid at all, like a pin
to a slot that does not exist, is refused before any of that, by `schema/request/validate.py`.

"Encoded in" is the counting model. The address-level model states each rule again, by itself, in
`solver/address_model/rules.py` and its neighbours: who changes a rule changes both.
"""
EXPLAINED_IN = (
    "schema/explanation",
    "solver/explanation",
)
"""Where facts of a request are named, left out, mended and put into words."""


def page() -> str:
    """All rules as a page of Markdown."""
    return "\n".join([HEAD, *(_section(rule) for rule in RULES.values())])


def _section(rule: Rule) -> str:
    sentence = rule.sentence[0].upper() + rule.sentence[1:]
    parts = [
        _listed("Checked in", checked_in(rule.code)),
        f"- Not encoded: {NOT_ENCODED[rule.code]}\n" if rule.code in NOT_ENCODED else "",
        _listed("Encoded in", [f"solver/{place}" for place in ENCODED.get(rule.code, ())]),
        _listed("Explained in", named_in(EXPLAINED_IN).get(rule.code, [])),
        _listed("Tested in", tested_in(rule.code)),
        f"- Source: {rule.source}\n",
    ]
    return f"## {rule.code}\n\n{sentence} ([meaning](semantics.md#{rule.code})).\n\n{''.join(parts)}"


def _listed(head: str, places: Sequence[str]) -> str:
    """Places `file: name` as an entry, file by file in their order, or nothing where there are none."""
    files: dict[str, list[str]] = {}
    for place in places:
        file, _, name = place.partition(": ")
        files.setdefault(file, []).extend([f"`{name}`"] if name else [])
    lines = [f"  - [`{file}`](../{file}){': ' if names else ''}{', '.join(names)}" for file, names in files.items()]
    return "\n".join([f"- {head}", *lines, ""]) if lines else ""


def checked_in(code: str) -> list[str]:
    """The function that finds it broken; that of a rule of the request alone is no check of a layout."""
    check = CHECKS.get(code) or ENVIRONMENT_CHECKS.get(code)
    if check is None:
        return named_in(("schema/environment",))[code]
    path = check.__module__.removeprefix("qslot.").replace(".", "/")
    return [f"{path}.py: {check.__qualname__}"]


def tested_in(code: str) -> list[str]:
    """Trios of requests, and layouts that break it."""
    trios = [module for module in MODULES if any(rule == code for rule, _ in module.TRIOS)]
    paths = [f"tests/solver/rules/{module.__name__.rpartition('.')[2]}.py" for module in trios]
    if code in CHECKS:
        return [*paths, f"tests/schema/test_verify.py: {BREAKS}"]
    return ["tests/schema/test_environment.py" if code in ENVIRONMENT_CHECKS else "tests/schema/test_resolve.py"]


@cache
def named_in(folders: tuple[str, ...]) -> dict[str, list[str]]:
    """By code, `file: function or table` of each place in these files that names it."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in [ROOT / folder] if folder.endswith(".py") else sorted((ROOT / folder).glob("*.py")):
            for name, node in definitions(path):
                for code in RULES.keys() & {one.value for one in ast.walk(node) if isinstance(one, ast.Constant)}:
                    found.setdefault(code, []).append(f"{path.relative_to(ROOT)}: {name}")
    return found


def definitions(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Functions, methods as `Class.method`, and tables of a file, each with its name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{one.name}", one) for one in node.body if isinstance(one, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
