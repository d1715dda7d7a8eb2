"""Functions with another body for as long as a `with` block lasts, wherever they have been imported already."""

import ast
import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]


class Edit(NamedTuple):
    """In the function `file: name`, below the root of the sources, `old`, which stands there once, becomes `new`."""

    where: str
    old: str
    new: str

    @property
    def file(self) -> str:
        """Its path."""
        return self.where.split(": ")[0]

    @property
    def name(self) -> str:
        """As `Class.function`."""
        return self.where.split(": ")[1]


@contextmanager
def edited(edits: tuple[Edit, ...]) -> Iterator[None]:
    """All of them made. Raises ValueError for an edit whose old text is not there, or there twice."""
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append(edit)
    with ExitStack() as stack:
        for file, of_file in by_file.items():
            code = _compiled(file, of_file)
            for name in {edit.name for edit in of_file}:
                function = _live(file, name)
                stack.callback(setattr, function, "__code__", function.__code__)
                function.__code__ = _found(code, name)
        yield


def _compiled(file: str, edits: list[Edit]) -> CodeType:
    text = (ROOT / file).read_text(encoding="utf-8")
    for edit in edits:
        start, end = _span(text, edit.name)
        body = text[start:end]
        if body.count(edit.old) != 1:
            raise ValueError(f"{edit.where}: {edit.old!r} is there {body.count(edit.old)} times, not once")
        text = text[:start] + body.replace(edit.old, edit.new) + text[end:]
    return compile(text, str(ROOT / file), "exec", dont_inherit=True)


def _span(text: str, name: str) -> tuple[int, int]:
    """Where a function begins and ends in the text of its module."""
    body: list[ast.stmt] = ast.parse(text).body
    node: ast.stmt | None = None
    for part in name.split("."):
        node = next(one for one in body if getattr(one, "name", None) == part)
        body = getattr(node, "body", [])
    assert node is not None
    assert node.end_lineno is not None
    lines = text.splitlines(keepends=True)
    return len("".join(lines[: node.lineno - 1])), len("".join(lines[: node.end_lineno]))


def _live(file: str, name: str) -> FunctionType:
    """The function itself, out of what wraps it."""
    found: Any = importlib.import_module(f"qslot.{file.removesuffix('.py').replace('/', '.')}")
    for part in name.split("."):
        found = vars(found)[part]
    if isinstance(found, property | cached_property):
        found = found.fget if isinstance(found, property) else found.func
    found = getattr(found, "__func__", found)
    found = getattr(found, "__wrapped__", found)
    assert isinstance(found, FunctionType), name
    return found


def _found(code: CodeType, name: str) -> CodeType:
    for part in name.split("."):
        code = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == part)
    return code
