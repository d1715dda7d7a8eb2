"""What is wrong with a request, in words: pydantic's errors as lines that name field, value and mend."""

import types
from collections.abc import Iterable, Iterator
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import Problem
from ..pci.machine_types import NAME_PATTERN
from .paths import path_of

MAX_LINES: Final = 10
"""Problems told one by one; a file with more is probably not what its name says."""

CONTRADICTION: Final = "contradiction"
"""Pydantic's word for the type of error that `validate` raises."""

_EXPECTED: Final = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping (name: value)",
    "model_type": "a mapping (name: value)",
}


_MACHINES: Final = "q35, pc, or a versioned name such as pc-q35-7.2, pc-i440fx-jammy or pc-q35-rhel9.4.0"
_MISSING: Final = {
    "machine": f"write {_MACHINES}; with --os or --host it may be left open",
    "id": "write a name of its own, which the plan calls it by",
    "model": "write one that `qslot catalog` lists",
}
"""What to write, by the name of the field."""
FIELDS_LISTED: Final = 24
"""Fields that are listed where one is not known, at most."""


def problems(error: ValidationError, data: object, model: type[BaseModel]) -> list[Problem]:
    """What is wrong, at most MAX_LINES and a last one with the number of those left out.

    `data` is what was validated; it supplies ids, so that `devices.net2` is found without counting.
    """
    details = error.errors(include_url=False)
    found: dict[str, list[ErrorDetails]] = {}
    for detail in details:
        found.setdefault(path_of(detail["loc"], data, missing=detail["type"] == "missing"), []).append(detail)
    lines = [_line(path, group, model) for path, group in found.items()]
    hidden = len(lines) - MAX_LINES
    if hidden <= 0:
        return lines
    more = f"... and {hidden} more problems"
    return [*lines[:MAX_LINES], Problem("", None, more, more)]


def short(value: object, limit: int = 60) -> str:
    """The value as written, cut where it is long.

    >>> short("x" * 100, limit=10)
    "'xxxxxx..."
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # integers of more digits than Python prints
        return f"a {type(value).__name__} too large to print"
    return cut(text, limit)


def cut(text: str, limit: int) -> str:
    """The text, at most `limit` characters of it, the last three dots where it is longer."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """`; nearest: a, b` with known names that may have been meant; empty where none is near."""
    from difflib import get_close_matches  # slow to load, and only what is refused needs it

    matches = get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; nearest: {', '.join(matches)}" if matches else ""


def _line(path: str, group: list[ErrorDetails], model: type[BaseModel]) -> Problem:
    detail = group[0]
    value = None if detail["type"] == "missing" else detail["input"]
    if detail["type"] == CONTRADICTION:
        text = detail["ctx"]["mend"]
        return Problem(path, value, text, f"{path}: {text}" if path else text)
    text = _mend(detail, model)
    if len(group) > 1 and len({other["type"] for other in group}) > 1:  # every member of a union refused the value
        text = f"{short(detail['input'])} is not a number, text, true or false"
    separator = " " if detail["type"] == "missing" else ": "
    return Problem(path, value, text, f"{path}{separator}{text}" if path else text)


def _mend(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), short(detail["input"])
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "missing":
        return f"is missing: {_MISSING[name]}" if name in _MISSING else "is missing"
    if kind == "extra_forbidden":
        return f"no such field here{_instead(name, _fields(model, detail['loc'][:-1]))}"
    if kind in ("literal_error", "enum"):
        return f"{value} is not one of {_list(str(context.get('expected', '')))}"
    if kind == "too_long":
        return f"{context['actual_length']} entries, but at most {context['max_length']} are planned"
    if kind == "value_error":
        return cut(str(context["error"]), 500)
    if kind == "string_pattern_mismatch":
        return f"{value} {_pattern(str(context['pattern']))}"
    if kind in _EXPECTED:
        return f"{value} is not {_EXPECTED[kind]}"
    message = detail["msg"].replace("Input should", "should").replace("Tuple", "the list").replace("String", "text")
    return f"{value} {message}" if message.startswith("should") else f"{message} (got {value})"


def _instead(name: str, fields: list[str]) -> str:
    """The fields that may have been meant; all there are, where none is near and they are few."""
    near = nearest(name, fields)
    return near or (f"; there are {', '.join(fields)}" if 0 < len(fields) <= FIELDS_LISTED else "")


def _list(expected: str) -> str:
    return expected.replace(" or ", ", ").replace("'", "")


def _pattern(pattern: str) -> str:
    if pattern == NAME_PATTERN:
        return f"is not a machine: write {_MACHINES}; auto goes with --os or --host"
    if pattern.startswith("^[A-Za-z]["):
        return "is not a QEMU id: write a letter, then letters, digits, '.', '_' or '-'"
    return (
        "is not a version: write numbers and dots, as in 1.16.2" if pattern.startswith(r"^\d") else f"is not {pattern}"
    )


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model at `loc`, for the nearest one."""
    here: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str) and here is not None:
            info = here.model_fields.get(part)
            here = None if info is None else next(_models(info.annotation), None)
    return [] if here is None else list(here.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, Union, types.UnionType, dict):
        for part in get_args(annotation):
            yield from _models(part)
