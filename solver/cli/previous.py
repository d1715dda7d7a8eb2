"""The option `--previous`: the layout that was there before."""

from typing import TYPE_CHECKING, Final

import click

from .exits import CliError, Exit, message
from .request import FILE
from .streams import reading

if TYPE_CHECKING:
    from qslot.schema import Guest, Layout
    from qslot.schema.formats.sources import Source

previous_option: Final = click.option(
    "--previous",
    type=FILE,
    metavar="LAYOUT|DOMAIN",
    help="The layout before, or the domain's XML as it is: as few of its devices move as can be, its controllers stay.",
)


def read_previous(previous: str | None, source: "Source", guest: "Guest", text: str) -> "Layout | None":
    """The layout that the option names, if any, for the guest that was read from this source, and its text; what
    cannot be compared is told on standard error."""
    if previous is None:
        return None
    if previous == source == "-":
        raise CliError("standard input: can be the guest or the previous layout, not both", Exit.INPUT)
    from qslot.schema.formats.previous import read_previous as read

    with reading(previous):
        layout, notes = read(previous, guest, text)
    message("\n".join(notes))
    return layout


def tell_difference(before: "Layout", layout: "Layout") -> None:
    """What `qslot diff` would say of the two, in one line on standard error; from one family of machines to another
    also what the guest must have for that."""
    from qslot.schema.comparison import diff
    from qslot.schema.formats.placed import beside

    found = diff(beside(before, layout), layout)
    converted = before.machine_model.family != layout.machine_model.family
    message("\n".join([f"since the previous layout: {found.summary}", *(found.trade.lines() if converted else ())]))
