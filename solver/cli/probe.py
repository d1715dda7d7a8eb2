"""`qslot probe`: a layout held against what a real firmware makes of it."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import CliError, Exit, leave, message, result

if TYPE_CHECKING:
    from qslot.schema import Layout
    from qslot.schema.probe import Report


@click.command()
@click.argument("layout")
@click.option("--qemu", default="qemu-system-x86_64", show_default=True, metavar="BIN", help="The QEMU to start.")
@click.option("--firmware", type=click.Path(path_type=Path), metavar="FILE", help="Image; default: the installed one.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    metavar="S",
    help="Seconds for the firmware to get through PCI.",
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def probe(layout: str, qemu: str, firmware: Path | None, time_limit: float, as_json: bool) -> None:
    """Start a real QEMU with LAYOUT, without a guest system, and say what its firmware made otherwise.

    Held against it: where everything sits, bus numbers, IO and memory windows, BARs. Prints the findings, or nothing.
    Exit code 5 where there are any.
    """
    from qslot.schema.formats.files import read_layout
    from qslot.schema.formats.standalone import imitated
    from qslot.schema.probe import BootError, MissingError
    from qslot.schema.probe import probe as asked

    read = read_layout(layout)
    if without := imitated(read):
        message(f"imitated, for want of their hardware, so IO and memory are not compared: {', '.join(without)}")
    try:
        report = asked(read, qemu=qemu, firmware=firmware, limit=time_limit)
    except MissingError as error:
        raise CliError(str(error), Exit.INPUT) from None
    except BootError as error:
        raise CliError(f"{error}\nhint: a hang, or a slow machine: see --time-limit", Exit.UNPROVED) from None
    if as_json:
        result(json.dumps([dataclasses.asdict(one) for one in report.differences], indent=2) + "\n")
    else:
        result("".join(f"{one}\n" for one in report.differences))
    message(summary(read, report))
    leave(Exit.FINDINGS if report.differences else Exit.DONE)


def summary(layout: "Layout", report: "Report") -> str:
    """A sentence on the whole."""
    if report.version is None:
        return "The guest does not come up."
    seats = {seat.id for seat in (*layout.controllers, *layout.devices)}
    agreed = len(seats - {difference.subject for difference in report.differences})
    sit = f"{agreed} of {len(seats)} devices and controllers sit where planned, at the predicted addresses"
    return f"Asked QEMU {report.version}: after its firmware ran, {sit}."
