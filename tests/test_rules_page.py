"""docs/rules.md is the list of rules with their places in the code; written anew with QSLOT_UPDATE=1."""

import ast
import os
import re
from collections.abc import Iterator

import pytest

from qslot.schema.rules import RULES
from qslot.schema.verify import CHECKS
from qslot.schema.verify.environment import ENVIRONMENT_CHECKS
from qslot.solver.rule_map import ENCODED, NOT_ENCODED

from .rules_page import ROOT, definitions, page

PAGE = ROOT / "docs" / "rules.md"
SOLVER = ROOT / "solver"
NAMES_A_RULE = re.compile(r"\bRules? ((?:[a-z0-9-]+, )*[a-z0-9-]+)")


def test_page() -> None:
    if os.environ.get("QSLOT_UPDATE") == "1":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_rule_is_there_and_checked() -> None:
    assert all(f"## {code}\n" in page() for code in RULES)
    assert {*CHECKS, *ENVIRONMENT_CHECKS, "machine-needs"} == set(RULES)


def test_every_rule_is_encoded_or_it_says_why_not() -> None:
    assert not ENCODED.keys() & NOT_ENCODED.keys()
    assert ENCODED.keys() | NOT_ENCODED.keys() == set(RULES)
    assert all(ENCODED.values())


@pytest.mark.parametrize("code", ENCODED)
def test_what_encodes_a_rule_exists(code: str) -> None:
    for place in ENCODED[code]:
        file, name = place.split(": ")
        path = SOLVER / file
        classes = [
            one.name for one in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(one, ast.ClassDef)
        ]
        assert name in [*classes, *(found for found, _ in definitions(path))], place
    assert len(set(ENCODED[code])) == len(ENCODED[code])


@pytest.mark.parametrize("code", NOT_ENCODED)
def test_what_a_reason_points_to_exists(code: str) -> None:
    assert all((ROOT / path).is_file() for path in re.findall(r"\S+\.py", NOT_ENCODED[code]))


def said_in_code() -> Iterator[tuple[str, str]]:
    """Rule and place, of each function of the solver that says itself that it keeps a rule, or raises PinConflict."""
    for folder in ("aggregate", "model", "decode"):
        for path in sorted((SOLVER / folder).glob("*.py")):
            for name, node in definitions(path):
                if isinstance(node, ast.FunctionDef):
                    for code in sorted({*_in_docstring(node), *_in_conflicts(node)} & RULES.keys()):
                        yield code, f"{folder}/{path.name}: {name}"


def _in_docstring(node: ast.FunctionDef) -> Iterator[str]:
    for match in NAMES_A_RULE.finditer(ast.get_docstring(node) or ""):
        yield from match[1].split(", ")


def _in_conflicts(node: ast.FunctionDef) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "PinConflict":
            yield from (str(part.value) for part in one.args[:1] if isinstance(part, ast.Constant))


@pytest.mark.parametrize(("code", "place"), tuple(said_in_code()))
def test_what_says_that_it_keeps_a_rule_is_in_the_map(code: str, place: str) -> None:
    assert place in ENCODED[code]
