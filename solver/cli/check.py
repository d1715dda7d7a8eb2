"""`qslot check`: a layout held against every rule, without the solver."""

import json
from typing import TYPE_CHECKING

import click

from .environment import EnvironmentOptions, environment_options
from .exits import Exit, leave
from .previous import previous_option, read_previous
from .request import RequestOptions, request_options
from .source import SOURCE, GuestCommand
from .streams import reading, result

if TYPE_CHECKING:
    from qslot.schema import Finding, Guest, Layout
    from qslot.schema.formats.sources import Source


@click.command(cls=GuestCommand)
@click.argument("guest", type=SOURCE)
@click.argument("layout", type=SOURCE)
@request_options
@environment_options
@previous_option
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(
    guest: "Source",
    layout: "Source",
    request: RequestOptions,
    environment: EnvironmentOptions,
    previous: str | None,
    as_json: bool,
) -> None:
    """Hold LAYOUT against every rule, GUEST, its OS and its hosts, without the solver.

    Prints the findings, or nothing. Exit code 5 where one of them is an error.
    """
    from qslot.schema.errors import InputError
    from qslot.schema.formats.as_it_is import read_as_it_is
    from qslot.schema.formats.text_layout import findings
    from qslot.schema.verify import verify

    if guest == layout == "-":
        raise InputError("standard input", ["can be the guest or the layout, not both"])
    with reading(layout):
        answer = read_as_it_is(layout).layout
    if environment.given:
        asked, text, found = _for_environment(guest, request, environment, answer)
    else:
        (asked, text), found = request.read(guest), []
    if asked is not None:
        found = [*verify(asked, answer, read_previous(previous, guest, asked, text)), *found]
    if as_json:
        result(json.dumps([finding.model_dump(mode="json") for finding in found], indent=2) + "\n")
    elif found:
        result(findings(found) + "\n")
    leave(Exit.FINDINGS if any(finding.severity == "error" for finding in found) else Exit.DONE)


def _for_environment(
    source: "Source", request: RequestOptions, environment: EnvironmentOptions, layout: "Layout"
) -> tuple["Guest | None", str, list["Finding"]]:
    """The request as it is for that environment, its text, and what the OS or a host does not cope with; no request
    where they have no machine for it. Raises InputError where it contradicts itself."""
    from qslot.schema.environment.candidates import answered
    from qslot.schema.errors import InputError
    from qslot.schema.formats.sources import called
    from qslot.schema.verify.environment import verify_for

    data, text = request.data(source)
    known = environment.of(text, data.get("machine"))
    candidate = answered(data, known, layout)
    if candidate.problems:
        raise InputError(called(source), list(candidate.problems))
    return candidate.guest, text, list(candidate.findings) or verify_for(known, layout)
