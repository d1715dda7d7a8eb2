"""`qslot diff`: what differs between two layouts or domains."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import CliError, Exit, leave, warn
from .pictures import PICTURES, drawn, form_of, output_option
from .source import SOURCE, GuestCommand
from .streams import answer, reading, result

if TYPE_CHECKING:
    from qslot.schema.formats.sources import Source


@click.command(cls=GuestCommand)
@click.argument("old", type=SOURCE)
@click.argument("new", type=SOURCE)
@click.option("--abi", is_flag=True, help="Exit code 1 only where the guest's ABI differs.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option("--to", "form", type=click.Choice(PICTURES), help="A picture: OLD and NEW, with what differs marked.")
@output_option
def diff(old: "Source", new: "Source", abi: bool, as_json: bool, form: str | None, output: Path | None) -> None:
    """Say what differs from OLD to NEW: layouts, or domain XML that states every address.

    Compared: paths, guest addresses, slot numbers and names of interfaces; controllers, virtio modes, properties,
    windows; the guest's ABI, and what QEMU does where it differs. Says how a running guest can follow: by hot-plug,
    what changes at its next reboot, or that it takes a cold start.

    \b
    Exit codes: 0 the same; 1 differs; 2 trouble.
    Examples:
      qslot diff before.json after.json
      qslot diff --abi source.xml target.xml && virsh migrate ...
      qslot diff before.json after.json -o changes.html
    """
    from qslot.schema.comparison import diff as compared
    from qslot.schema.formats.placed import read_pair

    if form and as_json:
        raise click.UsageError("--json and --to are two forms of the answer: give one")
    if not as_json:
        form = form_of(form, output, (*PICTURES, "json"))
    if old == new == "-":
        raise CliError("standard input: can be OLD or NEW, not both", Exit.INPUT)
    with reading(old, new):
        first, second = read_pair(old, new)
    warn((*first.warnings, *second.warnings))
    found = compared(first.layout, second.layout)
    if form in PICTURES:
        result(drawn(second.layout, form, output, first.layout), output)
    else:
        answer(found, as_json=as_json or form == "json", output=output)
    leave(Exit.DONE if (not found.abi if abi else found.same) else Exit.DIFFERS)
