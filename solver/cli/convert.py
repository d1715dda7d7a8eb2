"""`qslot convert`: a guest or a layout in another format."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import message
from .source import SOURCE, GuestCommand
from .streams import reading, result

if TYPE_CHECKING:
    from qslot.schema.formats.sources import Source, Target


@click.command(cls=GuestCommand)
@click.argument("source", metavar="IN", type=SOURCE)
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--to",
    "form",
    type=click.Choice(["yaml", "json", "toml", "argv", "libvirt"]),
    help="The format of OUT; default: as its suffix says.",
)
def convert(source: "Source", target: Path, form: "Target | None") -> None:
    """Write IN, a guest or a layout in whatever format, to OUT in another: YAML, JSON, TOML, a QEMU's command line,
    domain XML.

    A request stays a request, a layout a layout. What the other format does not say is named on standard error. Domain
    XML is made of what says where everything sits; what it needs of the host has stand-ins there.

    \b
    Examples:
      qslot convert domain.xml guest.yaml
      qslot convert guest.args guest.json
      qslot convert layout.json - --to argv
    """
    from qslot.schema.formats.convert import convert as converted
    from qslot.schema.formats.sources import FORMAT_OF

    to = form or FORMAT_OF.get(target.suffix.lower())
    if to is None:
        raise click.UsageError(f"OUT {target}: its suffix is none of {', '.join(FORMAT_OF)}: give --to")
    with reading(source):
        written = converted(source, to)
    message("\n".join(f"not said by {to}: {line}" for line in written.unsaid))
    result(written.text, target)
