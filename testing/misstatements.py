"""Layouts that say something wrong of themselves, and are right otherwise."""

from collections.abc import Iterator

from ..schema import Layout
from ..schema.layout.layout import ObjectiveTerm
from .edits import Answer


def objective(answer: Answer) -> Iterator[Layout]:
    """A number of controllers that it does not have."""
    count = len(answer.layout.controllers) + 1
    term = ObjectiveTerm(term="controllers", value=count, bound=count)
    yield answer.layout.model_copy(update={"objective": (term,)})


def request(answer: Answer) -> Iterator[Layout]:
    """The hash of another request."""
    yield answer.layout.model_copy(update={"input_sha256": "0" * 64})


def prediction(answer: Answer) -> Iterator[Layout]:
    """Each device at another guest address than it gets."""
    for name in answer.layout.guest_addresses:
        told = answer.layout.guest_addresses | {name: "ff:1f.7"}
        yield answer.layout.model_copy(update={"guest_addresses": told})
