"""A RELAX NG grammar as libvirt ships them: its elements, with `ref` followed and `include` read in.

Only what those grammars use is known: no `list`, no `nsName`, no `parentRef`, no choice of names.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

RNG: Final = "{http://relaxng.org/ns/structure/1.0}"
SCHEMAS: Final = Path("/usr/share/libvirt/schemas")
"""Where Debian's libvirt keeps them."""

Pattern = ElementTree.Element
"""One pattern: `element`, `attribute`, `choice`, `group`, `ref`, `value`, `data` and so on."""


def kind(pattern: Pattern) -> str:
    """What sort of pattern it is; a comment is none."""
    return pattern.tag.removeprefix(RNG) if isinstance(pattern.tag, str) else ""


class Grammar:
    """The definitions of a grammar; those that are stated several times are alternatives."""

    def __init__(self, path: Path) -> None:
        self.defines: dict[str, list[Pattern]] = defaultdict(list)
        self.starts: list[Pattern] = []
        self._read(path)

    def _read(self, path: Path) -> None:
        root = ElementTree.parse(path).getroot()
        _spread(root, root.get("ns", ""))
        for one in root:
            if kind(one) == "include":
                self._read(path.with_name(one.get("href", "")))
            elif kind(one) == "define":
                self.defines[one.get("name", "")].append(one)
            elif kind(one) == "start":
                self.starts.append(one)

    def parts(self, pattern: Pattern) -> Iterator[Pattern]:
        """The patterns inside one; a `ref`'s are those of what it names. Comments are left out."""
        inside = self.defines[pattern.get("name", "")] if kind(pattern) == "ref" else list(pattern)
        return (one for one in inside if kind(one))


def _spread(pattern: Pattern, space: str) -> None:
    """A namespace holds for all that is inside; attributes have only their own."""
    for one in pattern:
        own = one.get("ns", space)
        if own and kind(one) == "element":
            one.set("ns", own)
        _spread(one, own)


def name_of(pattern: Pattern) -> str | None:
    """The name of an element or attribute, `{namespace}name` where it has one; None where any name will do."""
    name, space = pattern.get("name"), pattern.get("ns")
    return f"{{{space}}}{name}" if name and space else name
