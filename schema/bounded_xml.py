"""XML that somebody else wrote: what is none is one error."""

from xml.etree import ElementTree

from .bounded_input import UnreadableError


def xml_root(data: bytes | str) -> ElementTree.Element:
    """The root element. A document type declaration is refused, so that no entity is defined and none expands.

    Raises UnreadableError.
    """
    parser = ElementTree.XMLParser(target=_WithoutDoctype())
    try:
        parser.feed(data)
        root: ElementTree.Element = parser.close()
    except UnreadableError:
        raise
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that expat lacks
        raise UnreadableError(f"not XML: {error}") from None
    return root


class _WithoutDoctype(ElementTree.TreeBuilder):
    """What is built of it, or refused."""

    def doctype(self, *_: object) -> None:
        raise UnreadableError("a document type declaration, which such XML does not have: take it out")
