"""Every public class, function, method and model field of the three sides has a docstring, and it is a sentence."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from qslot.schema.base import Frozen
from qslot.schema.formats.json_schema import field_sentences

from .test_docs import modules

ROOT = Path(__file__).parents[1]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(body: list[ast.stmt], above: str = "") -> Iterator[tuple[str, Definition]]:
    """Public ones by qualified name: functions, classes, and what is in these."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield f"{above}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node.body, f"{above}{node.name}.")


def silent(source: str) -> list[str]:
    """Names of public definitions without a docstring, or with one whose first paragraph is no sentence."""
    return [
        name
        for name, node in definitions(ast.parse(source).body)
        if not (ast.get_docstring(node) or "").split("\n\n")[0].endswith((".", "?"))
    ]


def models(base: type[Frozen] = Frozen) -> Iterator[type[Frozen]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


@pytest.mark.parametrize("folder", ["schema", "solver", "testing"])
def test_definitions(folder: str) -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (names := silent(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_model_fields() -> None:
    for name in modules():
        importlib.import_module(name)
    known = [model for model in models() if model.__module__.startswith("qslot.")]
    assert len(known) > 30
    assert [
        f"{model.__name__}.{name}"
        for model in known
        for name in model.model_fields
        if not field_sentences(model).get(name, "").endswith(".")
    ] == []


def test_silence_is_heard() -> None:
    source = '''
class A:
    """A class."""

    def method(self): ...
    def _own(self): ...
    @property
    def known(self):
        """What is known."""

def function():
    """no sentence"""

class _Own:
    def method(self): ...
'''
    assert silent(source) == ["A.method", "function"]
