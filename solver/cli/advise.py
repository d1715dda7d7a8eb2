"""`qslot advise`: which machine and virtio modes, for an operating system and a set of hosts."""

from typing import TYPE_CHECKING

import click

from .common import SearchOptions, refuse_bad_input, search_options
from .exits import Exit, leave
from .source import SOURCE, GuestCommand
from .streams import answer

if TYPE_CHECKING:
    from qslot.schema.formats.sources import Source


@click.command(cls=GuestCommand)
@click.argument("guest", type=SOURCE)
@search_options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with the layout.")
def advise(guest: "Source", search: SearchOptions, as_json: bool) -> None:
    """Say which machine and which virtio modes GUEST should have, why, and what else would cost.

    GUEST may leave open its machine (`auto`, or none) and, with --os, the virtio mode of each device. Without --os it
    is planned for the OS that a domain's metadata names. `qslot plan` with the same options, and --os, applies the
    answer.

    \b
    Exit codes: 0 where there is a layout; 3 where it is proved that there is none; 4 where neither is proved.
    Examples:
      qslot advise guest.yaml --os rhel6.10
      qslot advise guest.yaml --os win10 --drivers packages --host caps.xml --host qemu=6.2,libvirt=8.0
    """
    from qslot.schema.layout.outcome import Infeasible, Undecided

    request, text = search.request.data(guest)
    from .. import advise as asked  # after reading: bad input need not wait for ortools to load

    environment = search.environment.of(text, request.get("machine"))
    advice = search.run(lambda options: asked(request, environment, options))
    if advice.machine is None:
        refuse_bad_input(guest, advice.excluded)
    answer(advice, as_json=as_json)
    if isinstance(advice.outcome, Infeasible):
        leave(Exit.INFEASIBLE)
    if isinstance(advice.outcome, Undecided):
        leave(Exit.UNPROVED)
    leave(Exit.FINDINGS if any(one.severity == "error" for one in advice.warnings) else Exit.DONE)
