"""Devices as libvirt's schema of domains has them: one small element for each attribute, value and element in it.

Each sample is the least that the schema asks for, and one thing more; what the schema names several times it is made
once of, in each kind of device.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from hypothesis import find, settings
from hypothesis import strategies as st

from qslot.schema.libvirt.vocabulary.relax_ng import Grammar, Pattern, kind, name_of

PREFERRED: Final = ("pty", "user", "file", "vnc", "mount", "virtio", "i6300esb")
"""Of alternatives, what a guest here can have."""
NUMBERS: Final = ("unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte", "int", "long", "short", "integer")


@dataclass(frozen=True)
class Content:
    """What stands in an element: attributes, text, elements in elements."""

    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    elements: tuple["Sample", ...] = ()

    def __add__(self, other: "Content") -> "Content":
        return Content(
            tuple({**dict(self.attributes), **dict(other.attributes)}.items()),
            self.text or other.text,
            self.elements + other.elements,
        )


@dataclass(frozen=True)
class Sample:
    """One element."""

    tag: str
    content: Content

    @property
    def inside(self) -> dict[str, "Sample"]:
        """Its elements by name."""
        return {one.tag: one for one in self.content.elements}

    @property
    def kind(self) -> tuple[object, ...]:
        """What may decide whether it is a PCI device."""
        told = (self.inside[name].content.attributes for name in ("model", "target", "driver") if name in self.inside)
        return self.content.attributes, *told

    def __str__(self) -> str:
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in self.content.attributes)
        inside = escape(self.content.text) + "".join(map(str, self.content.elements))
        return f"<{self.tag}{attributes}>{inside}</{self.tag}>"


EMPTY: Final = Content()
AT_5: Final = Content(
    elements=(Sample("address", Content((("type", "pci"), ("bus", "0"), ("slot", "5"), ("function", "0")))),)
)


@dataclass
class Sampler:
    """Makes samples of the elements of a grammar."""

    grammar: Grammar
    made: set[int] = field(default_factory=set)
    """Patterns of which samples were made, in this kind of device."""

    def devices(self) -> Iterator[str]:
        """Samples of all that may stand in `<devices>`; of each kind one that has a PCI address."""
        (devices,) = self.grammar.defines["devices"]
        for name in sorted(self.refs(devices) - {"emulator"}):
            self.made = set()
            kinds = set()
            for define in self.grammar.defines[name]:
                for sample in (one for content in self.samples(define) for one in content.elements):
                    yield str(sample)
                    if sample.kind not in kinds and "address" not in sample.inside:
                        kinds.add(sample.kind)
                        yield str(Sample(sample.tag, sample.content + AT_5))

    def refs(self, pattern: Pattern) -> set[str]:
        """Names that it refers to."""
        if kind(pattern) == "ref":
            return {pattern.get("name", "")}
        return set().union(*(self.refs(one) for one in pattern))

    def least(self, pattern: Pattern, depth: int = 0) -> Content | None:
        """The least that the pattern asks for; None where nothing will do."""
        sort = kind(pattern)
        if depth > 60 or sort == "notAllowed":
            return None
        if sort in ("optional", "zeroOrMore", "empty", "text"):
            return EMPTY
        if sort in ("value", "data"):
            return Content(text=text_of(pattern))
        parts = [self.least(one, depth + 1) for one in self.grammar.parts(pattern)]
        if sort == "choice" or (sort == "ref" and len(parts) > 1):
            found = [one for one in parts if one is not None]
            return min(found, key=_cost) if found else None
        content = EMPTY
        for part in parts:
            if part is None:
                return None
            content += part
        return self.named(pattern, content)

    def named(self, pattern: Pattern, content: Content) -> Content | None:
        """As an element or attribute, where the pattern is one."""
        if kind(pattern) not in ("element", "attribute"):
            return content
        name = name_of(pattern)
        if name is None:
            return None
        if kind(pattern) == "attribute":
            return Content(((name, content.text or "x"),))
        return Content(elements=(Sample(name, content),))

    def samples(self, pattern: Pattern) -> Iterator[Content]:
        """The least with each single thing that the pattern allows."""
        sort = kind(pattern)
        if sort in ("element", "attribute", "choice") and id(pattern) in self.made:
            return
        self.made.add(id(pattern))
        if sort in ("value", "data", "text", "empty"):
            yield Content(text=text_of(pattern))
            return
        parts = list(self.grammar.parts(pattern))
        alternatives = sort == "choice" or (sort == "ref" and len(parts) > 1)
        least = [EMPTY if alternatives else self.least(one) for one in parts]
        for place, part in enumerate(parts):
            others = [one for number, one in enumerate(least) if number != place]
            if None not in others:
                for sample in self.samples(part):
                    whole = self.named(pattern, sum((one for one in others if one is not None), sample))
                    if whole is not None:
                        yield whole
        if not parts and (whole := self.named(pattern, EMPTY)) is not None:
            yield whole


def _cost(content: Content) -> tuple[bool, int]:
    whole = str(content)
    return not any(f"'{word}'" in whole for word in PREFERRED), len(whole)


def text_of(pattern: Pattern) -> str:
    """A value that fits."""
    if kind(pattern) == "value":
        return pattern.text or ""
    params = {one.get("name"): one.text or "" for one in pattern}
    if "pattern" in params:
        return matching(params["pattern"])
    return params.get("minInclusive", "1") if pattern.get("type") in NUMBERS else "x"


@cache
def matching(pattern: str) -> str:
    """The simplest text that fits a regular expression; of names of disks one of a virtio disk."""
    if "|vd|" in pattern:
        return "vda"
    quick = settings(database=None, derandomize=True, max_examples=20)
    return find(st.from_regex(pattern, fullmatch=True), lambda text: text.isprintable(), settings=quick)
