"""YAML, TOML and JSON text to plain data, refusing what would crash, hang or quietly lose something."""

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

from ..bounded_input import ENDLESS_NUMBER, has_endless_number
from ..errors import QslotError

if TYPE_CHECKING:
    from yaml import CollectionNode, Event, MappingNode, MarkedYAMLError, Node

Format = Literal["yaml", "toml", "json"]

MAX_NESTED: Final = 50
"""Nested brackets or indents. libyaml's loader recurses in C: deep nesting would end the process, not raise."""

MAX_EXPANDED: Final = 2_000_000
"""Values after YAML aliases are followed. The largest guest, 20,000 devices, has about a tenth."""

_TOML_START = re.compile(r"""\[|["'\w.-]+\s*=""")


class TextError(QslotError, ValueError):
    """Text that is not what its format allows; the message says where."""


def sniff(text: str) -> Format:
    """The format that the first line with content looks like; YAML where nothing says otherwise.

    >>> sniff('{"machine": "q35"}'), sniff('# guest\\nmachine = "q35"'), sniff("machine: q35")
    ('json', 'toml', 'yaml')
    """
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if text.lstrip().startswith("{"):
        return "json" if re.match(r'\{\s*["}]', text.lstrip()) else "yaml"
    return "toml" if _TOML_START.match(first) else "yaml"


def parse(text: str, kind: Format) -> object:
    """The data in `text`. Raises TextError with line and reason."""
    if has_endless_number(text):
        raise TextError(ENDLESS_NUMBER)
    parsers: dict[Format, Callable[[str], object]] = {"yaml": _yaml, "toml": _toml, "json": _json}
    try:
        return parsers[kind](text)
    except RecursionError:
        raise TextError(f"nested deeper than {MAX_NESTED} levels") from None


def _toml(text: str) -> object:
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and numbers of absurd length
        raise TextError(f"not TOML: {error}") from None


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TextError(f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except TextError:
        raise
    except ValueError as error:
        raise TextError(f"not JSON: {error}") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise TextError(f"key {twice!r} stands twice in one JSON object: keep one of them")
    return result


def _refuse_constant(name: str) -> object:
    raise TextError(f"{name} is not a number that JSON allows")


def _yaml(text: str) -> object:
    import yaml  # late: a program that only uses the types need not load it

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=base))
        loader = base(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _check_nodes(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        if "nesting depth" in str(error.problem):  # newer libyaml has a limit of its own, met before the first event
            raise TextError(f"nested deeper than {MAX_NESTED} levels") from None
        raise TextError(f"not YAML: {_marked(error, text)}") from None
    except yaml.YAMLError as error:
        raise TextError(f"not YAML: {error}") from None
    except TextError:
        raise
    except (ValueError, OverflowError) as error:  # impossible dates, numbers of absurd length
        raise TextError(f"not YAML: {error}") from None


def _marked(error: "MarkedYAMLError", yaml: str) -> str:
    """`line 4, column 1: did not find expected ',' or ']' while parsing a flow sequence (line 2)`."""
    mark = error.problem_mark or error.context_mark
    text = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    problem, context = error.problem or "", error.context or ""
    if mark is not None and "character" in problem:  # which one, libyaml does not say
        line = "".join(yaml.splitlines()[mark.line : mark.line + 1])
        found = line[mark.column : mark.column + 1]
        if found == "\t":
            return f"{text}a tab, where YAML takes none: indent with spaces"
        if "cannot start any token" in problem:
            return f"{text}{found!r} cannot stand at the start of a value: put it in quotes"
    if context and error.context_mark is not None:
        context += f" (line {error.context_mark.line + 1})"
    parts = (context, problem) if problem.startswith("but ") else (problem, context)
    return text + " ".join(filter(None, parts))


def _check_depth(events: Iterable[Any]) -> None:
    from yaml import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_NESTED:
                raise TextError(f"{_line(event)}: nested deeper than {MAX_NESTED} levels")
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def _check_nodes(root: "Node") -> None:
    """Refuses doubled keys, values that contain themselves, and aliases that unfold to too many values."""
    from yaml import CollectionNode, MappingNode

    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if not isinstance(node, CollectionNode) or id(node) in sizes:
            continue
        if done:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in _children(node))
            if sizes[id(node)] > MAX_EXPANDED:
                raise TextError(f"{_line(node)}: aliases unfold to more than {MAX_EXPANDED} values")
            continue
        if id(node) in open_nodes:
            raise TextError(f"{_line(node)}: a value that contains itself through an alias")
        open_nodes.add(id(node))
        if isinstance(node, MappingNode):
            _check_keys(node)
        stack.append((node, True))
        stack.extend((child, False) for child in _children(node))


def _children(node: "CollectionNode") -> list["Node"]:
    return [part for child in node.value for part in (child if isinstance(child, tuple) else (child,))]


def _check_keys(node: "MappingNode") -> None:
    seen: dict[str, Node] = {}
    for key, _ in node.value:
        if isinstance(key.value, str):
            if key.value in seen:
                first = _line(seen[key.value])
                raise TextError(f"{_line(key)}: key {key.value!r} stands twice, first on {first}: keep one of them")
            seen[key.value] = key


def _line(part: "Node | Event") -> str:
    return "a line" if part.start_mark is None else f"line {part.start_mark.line + 1}"
