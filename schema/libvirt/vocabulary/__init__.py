"""Names that libvirt knows in domain XML: elements, their attributes, values where they can be listed.

libvirt itself overlooks an element or attribute that it does not know, and so would a plan: a misspelt `<model>` makes
another network card. `vocabulary.json` is made by `generate.py` from libvirt's own schema, with what later versions
have (`newer.json`).
"""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from typing import Any

from ...packaged import packaged_json
from ..splice import Element

Node = dict[str, Any]
MOST_LISTED = 12
"""Values that are told; of more, only those that are near."""


@cache
def _nodes() -> list[Node]:
    data: dict[str, Any] = packaged_json(__file__, "vocabulary.json")
    nodes: list[Node] = data["nodes"]
    return nodes


def unknown_names(domain: Element) -> Iterator[str]:
    """A line each: elements, attributes and values of a domain that libvirt has no meaning for, in their order."""
    yield from _inside(domain, _nodes()[0])


def _inside(element: Element, node: Node) -> Iterator[str]:
    if node.get("anything"):
        return
    yield from _attributes(element, node.get("attributes", {}))
    texts = node.get("text")
    if texts is not None and element.text not in texts:
        yield f"{element.where}: {element.text!r} is not known{_nearest(element.text, texts)}"
    known = node.get("elements", {})
    for child in element.children:
        if child.tag in known:
            yield from _inside(child, _nodes()[known[child.tag]])
        else:
            yield f"{child.where}: not known in <{element.tag}>, so overlooked{_nearest(child.tag, known)}"


def _attributes(element: Element, known: dict[str, list[str] | None]) -> Iterator[str]:
    for name, value in element.attributes.items():
        if "}" in name:  # of another vocabulary
            continue
        if name not in known:
            yield f"{element.where}: attribute {name}={value!r} is not known, so overlooked{_nearest(name, known)}"
        elif (values := known[name]) is not None and value not in values:
            yield f"{element.where}: {name}={value!r} is not known{_nearest(value, values)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant."""
    names = list(known)
    close = get_close_matches(name, names, n=3) or (names if len(names) <= MOST_LISTED else [])
    return f"; known: {', '.join(close)}" if close else ""
