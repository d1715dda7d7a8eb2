"""XML whose every byte stays where it is, but for the edits asked for.

No parser keeps quotes, spacing and comments as they were; so this tree only remembers where each element stands in
the text, and changes are splices. A document type declaration is refused: no entity is ever defined, so none expands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ..bounded_input import ENDLESS_NUMBER, has_endless_number
from ..errors import QslotError
from ..records import record

ATTRIBUTE: Final = re.compile(rb"""\s([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
TAG: Final = re.compile(rb"""<[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*>""")
MAX_ELEMENTS_DEEP: Final = 100
"""Nesting of elements; domain XML has some ten."""


class SourceError(QslotError, ValueError):
    """Not XML, or XML of a kind that is not read; the text says what and where."""


@record(eq=False)
class Element:
    """`start` is the offset of `<`, `open_end` that behind the start tag's `>`, `close` that of the end tag's `<` (the
    same as `open_end` for `<tag/>`), `end` that behind the element. Tags with a namespace are `{uri}name`."""

    tag: str
    attributes: dict[str, str]
    start: int
    open_end: int
    parent: "Element | None" = None
    close: int = 0
    end: int = 0
    children: "list[Element]" = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    line: int = 0
    """Where its start tag begins, counted from 1."""

    @property
    def where(self) -> str:
        """As messages name it: `line 7: <disk>`."""
        return f"line {self.line}: <{self.tag}>"

    @property
    def text(self) -> str:
        """Its own text, without surrounding space."""
        return "".join(self.pieces).strip()

    def get(self, name: str, default: str = "") -> str:
        """The value of an attribute, or the default."""
        return self.attributes.get(name, default)

    def all(self, tag: str) -> "Iterator[Element]":
        """The children of that name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, *path: str) -> "Element | None":
        """The first child of each tag in turn, or nothing."""
        here = self
        for tag in path:
            for child in here.children:
                if child.tag == tag:
                    here = child
                    break
            else:
                return None
        return here

    def value(self, *path: str, name: str) -> str:
        """An attribute of `first(*path)`; empty where either is missing."""
        found = self.first(*path)
        return "" if found is None else found.get(name)


def parse(data: bytes) -> Element:
    """The root element. Raises SourceError."""
    reader = _XmlReader(data)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SourceError(f"line {error.lineno}: not well-formed XML: {expat.ErrorString(error.code)}") from None
    if reader.root is None:
        raise SourceError("no element in it")
    return reader.root


class _XmlReader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root: Element | None = None
        self.open: list[Element] = []
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.XmlDeclHandler = self.declaration

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() not in ("UTF-8", "US-ASCII", "ISO-8859-1"):
            raise SourceError(f"encoding {encoding}: write it as UTF-8")

    def doctype(self, *_: object) -> None:
        raise SourceError(f"line {self.parser.CurrentLineNumber}: a document type declaration; domain XML has none")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        start = self.parser.CurrentByteIndex
        parent = self.open[-1] if self.open else None
        if len(self.open) == MAX_ELEMENTS_DEEP:
            raise SourceError(
                f"line {self.parser.CurrentLineNumber}: more than {MAX_ELEMENTS_DEEP} elements in each other"
            )
        if any(map(has_endless_number, attributes.values())):
            raise SourceError(f"line {self.parser.CurrentLineNumber}: <{_named(tag)}>: {ENDLESS_NUMBER}")
        element = Element(_named(tag), attributes, start, self.tag_end(start), parent)
        element.line = self.parser.CurrentLineNumber
        if parent is None:
            self.root = element
        else:
            parent.children.append(element)
        self.open.append(element)

    def end(self, _tag: str) -> None:
        element = self.open.pop()
        if has_endless_number(element.text):
            raise SourceError(f"{element.where}: {ENDLESS_NUMBER}")
        if self.data[element.open_end - 2 : element.open_end] == b"/>":
            element.close = element.end = element.open_end
        else:
            element.close = self.parser.CurrentByteIndex
            element.end = self.data.index(b">", element.close) + 1

    def text(self, piece: str) -> None:
        if self.open:
            self.open[-1].pieces.append(piece)

    def tag_end(self, at: int) -> int:
        """Behind the `>` that ends the tag at `at`; one in quotes does not."""
        tag = TAG.match(self.data, at)
        if tag is None:
            raise SourceError("a tag that does not end")
        return tag.end()


def _named(tag: str) -> str:
    return "{" + tag if "}" in tag else tag


@record
class Edits:
    """Splices into the text of a document: (from, to, what stands there instead)."""

    data: bytes
    splices: list[tuple[int, int, str]] = field(default_factory=list)
    appended: dict[Element, list[str]] = field(default_factory=dict)
    """Lines to come at the end of elements."""

    def set(self, element: Element, **attributes: str) -> None:
        """Sets attributes of an element where they are written, missing ones at the end of its start tag; each once."""
        for name, value in attributes.items():
            if element.attributes.get(name) == value:
                continue
            span = self._attribute(element, name)
            if span is None:
                slash = self.data[element.open_end - 2 : element.open_end] == b"/>"
                at = element.open_end - (2 if slash else 1)
                while self.data[at - 1 : at].isspace():
                    at -= 1
                self.splices.append((at, at, written({name: value})))
            else:
                self.splices.append((*span, quoted(value)))

    def _attribute(self, element: Element, name: str) -> tuple[int, int] | None:
        """Where the quoted value of an attribute is written."""
        for found in ATTRIBUTE.finditer(self.data, element.start, element.open_end):
            if found[1].decode() == name:
                return found.span(2)
        return None

    def append(self, parent: Element, text: str) -> None:
        """Adds lines as the last children of an element, indented like its other ones."""
        self.appended.setdefault(parent, []).extend(text.splitlines())

    def indent(self, element: Element) -> str:
        """The space in front of an element on its line, if it is the first there."""
        line = self.data.rfind(b"\n", 0, element.start) + 1
        before = self.data[line : element.start]
        return before.decode() if before.isspace() else ""

    def apply(self) -> bytes:
        """The document with all edits; those at one place in the order in which they were asked for."""
        splices = [*self.splices, *(self._lines(parent, lines) for parent, lines in self.appended.items())]
        pieces, at = [], 0
        for start, end, text in sorted(splices, key=lambda one: one[:2]):
            pieces += [self.data[at:start], text.encode("ascii", "xmlcharrefreplace")]
            at = end
        return b"".join([*pieces, self.data[at:]])

    def _lines(self, parent: Element, added: list[str]) -> tuple[int, int, str]:
        """The splice that puts lines at the end of an element."""
        indent = self.indent(parent)
        inner = self.indent(parent.children[-1]) if parent.children else f"{indent}  "
        lines = "".join(f"{inner}{line}\n" for line in added)
        if parent.close == parent.open_end and self.data[parent.open_end - 2 : parent.open_end] == b"/>":
            tag = self.data[parent.start + 1 : parent.open_end - 2].split()[0].decode()
            return parent.open_end - 2, parent.open_end, f">\n{lines}{indent}</{tag}>"
        at = parent.close
        while self.data[at - 1 : at] in (b" ", b"\t"):
            at -= 1
        return at, at, lines if self.data[at - 1 : at] == b"\n" else f"\n{lines}{indent}"


def indented(text: str) -> str:
    """Its lines, a level deeper."""
    return "\n".join(f"  {line}" for line in text.splitlines())


def written(attributes: Mapping[str, str]) -> str:
    """Attributes as they stand in a start tag, each with a space in front."""
    return "".join(f" {name}={quoted(value)}" for name, value in attributes.items())


def quoted(value: str) -> str:
    """As the value of an attribute is written, in single quotes where it has none itself."""
    quoted = quoteattr(value)
    return f"'{quoted[1:-1]}'" if "'" not in quoted else quoted
