"""`qslot advise`: which machine and virtio modes, for an operating system and a set of hosts."""

import json

import click

from .common import SearchOptions, refuse_bad_input, search_options
from .exits import Exit, leave, result


@click.command()
@click.argument("guest")
@search_options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, with the layout.")
def advise(guest: str, search: SearchOptions, as_json: bool) -> None:
    """Say which machine and which virtio modes GUEST should have, why, and what else would cost.

    GUEST may leave open its machine (`auto`, or none) and, with --os, the virtio mode of each device. `qslot plan` with
    the same options applies the answer.

    \b
    Exit codes: 0 where there is a layout; 3 where it is proved that there is none; 4 where neither is proved.
    Examples:
      qslot advise guest.yaml --os rhel6.10
      qslot advise guest.yaml --os win10 --drivers packages --host caps.xml --host qemu=6.2,libvirt=8.0
    """
    from qslot.schema.environment.target import Environment
    from qslot.schema.layout.outcome import Infeasible, Undecided

    request, _ = search.data(guest)
    from .. import advise as asked  # after reading: bad input need not wait for ortools to load

    environment = search.environment or Environment()
    advice = search.run(lambda options: asked(request, environment, options))
    if advice.machine is None:
        refuse_bad_input(guest, advice.excluded)
    result((json.dumps(advice.model_dump(mode="json"), indent=2) if as_json else str(advice)) + "\n")
    if isinstance(advice.outcome, Infeasible):
        leave(Exit.INFEASIBLE)
    leave(Exit.UNPROVED if isinstance(advice.outcome, Undecided) else Exit.DONE)
