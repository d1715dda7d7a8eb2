"""Writes `vocabulary.json` from libvirt's own schema of domains, and from `newer.json`.

python -m qslot.schema.libvirt.vocabulary.generate [--schema FILE] [-o FILE]
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

from .relax_ng import SCHEMAS, Grammar, Pattern, kind, name_of

VOCABULARY: Final = Path(__file__).with_name("vocabulary.json")
NEWER: Final = Path(__file__).with_name("newer.json")


class Names:
    """Every element of a grammar with all that may stand in it, alternatives put together. Equal ones are one."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.numbers: dict[tuple[int, ...], int] = {}
        self.nodes: list[dict[str, Any]] = []

    def number(self, elements: list[Pattern]) -> int:
        """That of the element that these patterns are together."""
        key = tuple(sorted({id(one) for one in elements}))
        if key not in self.numbers:
            self.numbers[key] = len(self.nodes)
            self.nodes.append({})
            self.nodes[self.numbers[key]] = self.node(elements)
        return self.numbers[key]

    def node(self, elements: list[Pattern]) -> dict[str, Any]:
        """All that may stand in the element that these patterns are together."""
        attributes: dict[str, list[Pattern]] = {}
        inside: dict[str, list[Pattern]] = {}
        texts: list[Pattern] = []
        anything = False
        stack, seen = [part for one in elements for part in self.grammar.parts(one)], set()
        while stack:
            one = stack.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            if kind(one) in ("element", "attribute"):
                name = name_of(one)
                anything = anything or name is None
                if name is not None:
                    (inside if kind(one) == "element" else attributes).setdefault(name, []).append(one)
            elif kind(one) in ("value", "data", "text"):
                texts.append(one)
            else:
                stack.extend(self.grammar.parts(one))
        result: dict[str, Any] = {}
        if attributes:
            result["attributes"] = {name: self.values(found) for name, found in sorted(attributes.items())}
        if inside:
            result["elements"] = {name: self.number(found) for name, found in sorted(inside.items())}
        if texts:
            result["text"] = values_of(texts)
        return result | ({"anything": True} if anything else {})

    def values(self, attributes: list[Pattern]) -> list[str] | None:
        """Those that an attribute may have; None where they can't be listed."""
        leaves: list[Pattern] = []
        stack, seen = list(attributes), set()
        while stack:
            one = stack.pop()
            if id(one) not in seen:
                seen.add(id(one))
                parts = list(self.grammar.parts(one))
                stack += parts
                leaves += [] if parts or kind(one) in ("ref", "notAllowed") else [one]
                if kind(one) == "data":
                    leaves.append(one)
        return values_of(leaves)


def values_of(leaves: list[Pattern]) -> list[str] | None:
    """The values that are listed; None where another is allowed, too."""
    if any(kind(one) not in ("value", "empty") for one in leaves):
        return None
    return sorted({one.text or "" for one in leaves})


def add_newer(nodes: list[dict[str, Any]], node: dict[str, Any], newer: dict[str, Any]) -> None:
    """What later versions know, in the form that `newer.json` tells."""
    for name, more in newer.items():
        if name == "#text":
            node["text"] = more
        elif name.startswith("@"):
            known = node.setdefault("attributes", {})
            old = known.get(name[1:], [])
            known[name[1:]] = None if more is None or old is None else sorted({*old, *more})
        else:
            inside = node.setdefault("elements", {})
            if isinstance(more, str):
                inside[name] = _found(nodes, more)
                continue
            old = nodes[inside[name]] if name in inside else {}
            # a copy: others may be of the same node
            nodes.append({**old, **{key: dict(old[key]) for key in ("attributes", "elements") if key in old}})
            inside[name] = len(nodes) - 1
            add_newer(nodes, nodes[-1], more)


def _found(nodes: list[dict[str, Any]], path: str) -> int:
    """The element of that path, from the domain down."""
    number = 0
    for name in path.split("/"):
        number = nodes[number]["elements"][name]
    return number


def text(schema: Path) -> str:
    """A node a line; elements are numbers of nodes, the first node is the domain."""
    grammar = Grammar(schema)
    names = Names(grammar)
    names.node(grammar.starts)
    newer = json.loads(NEWER.read_text(encoding="utf-8"))
    add_newer(names.nodes, names.nodes[0], newer["domain"])
    lines = ",\n".join(json.dumps(node, separators=(",", ":"), sort_keys=True) for node in names.nodes)
    source = "names of libvirt 9.0's schema of domains, and of newer.json"
    return f'{{"source": "{source}", "nodes": [\n{lines}\n]}}\n'


def main() -> None:
    """The command: reads the schema and writes the table."""
    parser = argparse.ArgumentParser(prog="python -m qslot.schema.libvirt.vocabulary.generate", description=__doc__)
    parser.add_argument("--schema", type=Path, default=SCHEMAS / "domain.rng", metavar="FILE")
    parser.add_argument(
        "-o", "--output", type=Path, default=VOCABULARY, metavar="FILE", help="default: the package's own"
    )
    options = parser.parse_args()
    options.output.write_text(text(options.schema), encoding="utf-8")


if __name__ == "__main__":
    main()
