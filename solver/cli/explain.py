"""`qslot explain`: why there is no layout, or why a device sits where it does."""

import json
from typing import TYPE_CHECKING, NoReturn

import click

from .common import NoMachineError, SearchOptions, exit_code_and_message, search_options, tell_unread
from .completion import DEVICES
from .exits import CliError, Exit, leave
from .previous import previous_option, read_previous
from .source import SOURCE, GuestCommand
from .streams import answer, result

if TYPE_CHECKING:
    from qslot.schema import Guest, Layout, Outcome
    from qslot.schema.formats.sources import Source


@click.command(cls=GuestCommand)
@click.argument("guest", type=SOURCE)
@click.argument("device", required=False, shell_complete=DEVICES)
@click.option(
    "--at",
    metavar="ADDRESS",
    help="What it would cost to have DEVICE at that address: pcie.0:05.0, or as the guest sees it, 00:05.0.",
)
@search_options
@previous_option
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def explain(
    guest: "Source", device: str | None, at: str | None, search: SearchOptions, previous: str | None, as_json: bool
) -> None:
    """Say why GUEST has no layout and what would help; or why DEVICE sits where it does in the plan.

    \b
    Exit codes: 0 where there is a layout; 3 where it is proved that there is none; 4 where neither is proved.
    Examples:
      qslot explain guest.yaml
      qslot explain guest.yaml net0
      qslot explain guest.yaml net0 --at pcie.0:05.0
    """
    if at is not None and device is None:
        raise click.UsageError("--at goes with a DEVICE")
    if previous is not None and device is not None:
        raise click.UsageError("--previous goes without a DEVICE")
    try:
        request, text, *_ = search.read(guest)
    except NoMachineError as none:
        _no_machine(none, as_json=as_json)
    tell_unread(request)
    if device is None:
        _clash(request, read_previous(previous, guest, request, text), search, as_json=as_json)
    else:
        _placement(request, device, at, search, as_json=as_json)


def _no_machine(none: NoMachineError, *, as_json: bool) -> NoReturn:
    excluded = [one.model_dump(mode="json") for one in none.excluded]
    text = json.dumps({"answer": "infeasible", "excluded": excluded}, indent=2) if as_json else none.message
    result(f"{text}\n")
    leave(Exit.INFEASIBLE)


FEASIBLE = "feasible: there is a layout, see `qslot plan`; name a DEVICE to hear why it sits where it does"


def _clash(request: "Guest", previous: "Layout | None", search: SearchOptions, *, as_json: bool) -> None:
    from .. import explain as asked

    outcome = search.run(lambda options: asked(request, options, previous))
    _tell(outcome, as_json=as_json)


def _tell(outcome: "Outcome", *, as_json: bool) -> None:
    """The answer is the result, here, whatever it is."""
    code, text = exit_code_and_message(outcome)
    if as_json:
        told = {"answer": type(outcome).__name__.lower(), **outcome.model_dump(mode="json", exclude={"layout"})}
        text = json.dumps(told, indent=2)
    result(f"{text or FEASIBLE}\n")
    leave(code)


def _placement(request: "Guest", device: str, at: str | None, search: SearchOptions, *, as_json: bool) -> None:
    from qslot.schema.errors import ArgumentError
    from qslot.schema.layout.placement import PlacementReport
    from qslot.schema.request.problems import nearest

    from .. import placement

    known = [one.id for one in request.devices]
    if device not in known:
        raise CliError(f"DEVICE {device}: the guest lists no such device{nearest(device, known)}", Exit.INPUT)
    try:
        found = search.run(lambda options: placement(request, device, at, options))
    except ArgumentError as error:
        raise CliError(f"--at: {error.mend}", Exit.INPUT) from None
    if not isinstance(found, PlacementReport):
        _tell(found, as_json=as_json)
        return
    answer(found, as_json=as_json)
