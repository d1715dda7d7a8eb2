"""`qslot explain`: why there is no layout, or why a device sits where it does."""

import json
from typing import TYPE_CHECKING, NoReturn

import click

from .common import NoMachineError, SearchOptions, exit_code_and_message, search_options
from .exits import CliError, Exit, leave, result

if TYPE_CHECKING:
    from qslot.schema import Guest, Outcome


@click.command()
@click.argument("guest")
@click.argument("device", required=False)
@click.option("--at", metavar="ADDRESS", help="What it would cost to have DEVICE at that address: pcie.0:05.0.")
@search_options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def explain(guest: str, device: str | None, at: str | None, search: SearchOptions, as_json: bool) -> None:
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
    try:
        request = search.read(guest).guest
    except NoMachineError as none:
        _no_machine(none, as_json=as_json)
    if device is None:
        _clash(request, search, as_json=as_json)
    else:
        _placement(request, device, at, search, as_json=as_json)


def _no_machine(none: NoMachineError, *, as_json: bool) -> NoReturn:
    excluded = [one.model_dump(mode="json") for one in none.excluded]
    text = json.dumps({"answer": "infeasible", "excluded": excluded}, indent=2) if as_json else none.message
    result(f"{text}\n")
    leave(Exit.INFEASIBLE)


FEASIBLE = "feasible: there is a layout, see `qslot plan`; name a DEVICE to hear why it sits where it does"


def _clash(request: "Guest", search: SearchOptions, *, as_json: bool) -> None:
    from .. import explain as asked

    outcome = search.run(lambda options: asked(request, options))
    _tell(outcome, as_json=as_json)


def _tell(outcome: "Outcome", *, as_json: bool) -> None:
    """The answer is the result, here, whatever it is."""
    code, text = exit_code_and_message(outcome)
    if as_json:
        answer = {"answer": type(outcome).__name__.lower(), **outcome.model_dump(mode="json", exclude={"layout"})}
        text = json.dumps(answer, indent=2)
    result(f"{text or FEASIBLE}\n")
    leave(code)


def _placement(request: "Guest", device: str, at: str | None, search: SearchOptions, *, as_json: bool) -> None:
    from qslot.schema.layout.placement import PlacementReport
    from qslot.schema.request.problems import nearest

    from .. import placement

    known = [one.id for one in request.devices]
    if device not in known:
        raise CliError(f"DEVICE {device}: the guest lists no such device{nearest(device, known)}", Exit.INPUT)
    try:
        answer = search.run(lambda options: placement(request, device, at, options))
    except ValueError as error:
        raise CliError(f"--at: {error}", Exit.INPUT) from None
    if not isinstance(answer, PlacementReport):
        _tell(answer, as_json=as_json)
        return
    text = json.dumps(answer.model_dump(mode="json"), indent=2) if as_json else str(answer)
    result(text + "\n")
