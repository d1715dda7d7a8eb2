"""Domain XML as text: where elements stand, what is refused, and that all but what is set stays byte for byte."""

import pytest

from qslot.schema.libvirt import SourceError
from qslot.schema.libvirt.splice import Edits, Element, parse


def elements(text: str) -> dict[str, Element]:
    found: dict[str, Element] = {}

    def take(element: Element) -> None:
        found[element.tag] = element
        for child in element.children:
            take(child)

    take(parse(text.encode()))
    return found


@pytest.mark.parametrize(
    ("text", "tag", "said"),
    [
        ("<a><b/></a>", "b", "<b/>"),
        ("<a><b></b></a>", "b", "<b></b>"),
        ("<a><b x='>' y=\"'/>\">t<c/></b ></a>", "b", "<b x='>' y=\"'/>\">t<c/></b >"),
        ("<a>\n  <!-- <b/> --><b\n/></a>", "b", "<b\n/>"),
        ("<?xml version='1.0'?><a>ä<b>ö</b></a>", "b", "<b>ö</b>"),
        ("<a><![CDATA[<b/>]]><b/></a>", "b", "<b/>"),
    ],
)
def test_where_an_element_stands(text: str, tag: str, said: str) -> None:
    element = elements(text)[tag]
    assert text.encode()[element.start : element.end].decode() == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<a>", "not well-formed"),
        ("", "no element"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type declaration"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type declaration"),
        ("<a>&x;</a>", "undefined entity"),
        ("<a>" * 200 + "</a>" * 200, "more than 100 elements"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", "UTF"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        parse(text.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a><b/></a>", "<a><b x='1'/></a>"),
        ("<a><b /></a>", "<a><b x='1' /></a>"),
        ("<a><b y='x' ></b></a>", "<a><b y='x' x='1' ></b></a>"),
        ("<a><b x = \"0\" y='2'/></a>", "<a><b x = '1' y='2'/></a>"),
        ("<a><b x='1'/></a>", "<a><b x='1'/></a>"),
        ("<a><b xx='0' y=' x=5'/></a>", "<a><b xx='0' y=' x=5' x='1'/></a>"),
    ],
)
def test_an_attribute_is_set(before: str, after: str) -> None:
    edits = Edits(before.encode())
    edits.set(elements(before)["b"], x="1")
    assert edits.apply().decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a>\n  <b/>\n</a>", "<a>\n  <b>\n    <c/>\n    <d/>\n  </b>\n</a>"),
        ("<a>\n\t<b>\n\t\t<e/>\n\t</b>\n</a>", "<a>\n\t<b>\n\t\t<e/>\n\t\t<c/>\n\t\t<d/>\n\t</b>\n</a>"),
        ("<a><b></b></a>", "<a><b>\n  <c/>\n  <d/>\n</b></a>"),
    ],
)
def test_lines_are_added(before: str, after: str) -> None:
    edits, element = Edits(before.encode()), elements(before)["b"]
    for text in ("<c/>", "<d/>"):
        edits.append(element, text)
    assert edits.apply().decode() == after
