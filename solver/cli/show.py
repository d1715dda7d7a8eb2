"""`qslot show`: a layout drawn."""

from typing import TYPE_CHECKING

import click

from .exits import warn
from .pictures import LAYOUT_FORMS, drawn, form_of, output_option
from .source import SOURCE, GuestCommand
from .streams import reading, result

if TYPE_CHECKING:
    from pathlib import Path

    from qslot.schema.formats.sources import Source


@click.command(cls=GuestCommand)
@click.argument("layout", type=SOURCE)
@click.option(
    "--to",
    "form",
    type=click.Choice(LAYOUT_FORMS),
    help="What to draw; default: as the suffix of -o says, else the tree.",
)
@output_option
def show(layout: "Source", form: str | None, output: "Path | None") -> None:
    """Draw LAYOUT, domain XML that states every address, or a QEMU's command line: its buses, free slots, objective and
    warnings.

    The tree is drawn as `lspci -tv` would. A picture (svg, html) has maps of IO ports and memory, too, and needs
    nothing but a browser.

    \b
    Examples:
      qslot show layout.json
      qslot show layout.json -o layout.html
      virsh dumpxml guest | qslot show - --to svg -o guest.svg
    """
    from qslot.schema.formats.as_it_is import read_as_it_is

    drawn_as = form_of(form, output, LAYOUT_FORMS) or "tree"
    with reading(layout):
        found = read_as_it_is(layout)
    warn(found.warnings)
    result(drawn(found.layout, drawn_as, output), output)
