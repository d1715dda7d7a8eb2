"""`qslot probe`: a layout held against what a real firmware makes of it."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .exits import CliError, Exit, leave, message
from .progress import ProgressLine
from .request import FILE
from .seconds import SECONDS
from .streams import interruptible, reading, result

if TYPE_CHECKING:
    from qslot.schema import Layout
    from qslot.schema.probe import Report


@click.command()
@click.argument("layout", type=FILE)
@click.option("--qemu", default="qemu-system-x86_64", show_default=True, metavar="BIN", help="The QEMU to start.")
@click.option("--firmware", type=click.Path(path_type=Path), metavar="FILE", help="Image; default: the installed one.")
@click.option(
    "--time-limit",
    type=SECONDS,
    default=120.0,
    show_default=True,
    metavar="S",
    help="Seconds for the firmware to get through PCI.",
)
@click.option("--allow-host-files", is_flag=True, help="Also with properties by which QEMU opens files of the host.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def probe(
    layout: str, qemu: str, firmware: Path | None, time_limit: float, allow_host_files: bool, as_json: bool
) -> None:
    """Start a real QEMU with LAYOUT, without a guest system, and say what its firmware made otherwise.

    Held against it: where everything sits, bus numbers, IO and memory windows, BARs. Prints the findings, or nothing.
    Exit code 5 where there are any.
    """
    from qslot.schema.formats.files import read_layout
    from qslot.schema.formats.standalone import imitated
    from qslot.schema.probe import BootError, MissingError
    from qslot.schema.probe import probe as asked

    with reading(layout):
        read = read_layout(layout)
    _check_host_files(read, allowed=allow_host_files)
    if without := imitated(read):
        message(f"imitated, for want of their hardware, so IO and memory are not compared: {', '.join(without)}")
    try:
        with interruptible(), ProgressLine(f"waiting for the firmware of {qemu}, {time_limit:g} s at most"):
            report = asked(read, qemu=qemu, firmware=firmware, limit=time_limit)
    except MissingError as error:
        raise CliError(str(error), Exit.INPUT) from None
    except BootError as error:
        raise CliError(f"{error}\nhint: a hang, or a slow machine: see --time-limit", Exit.UNPROVED) from None
    if as_json:
        result(json.dumps([dataclasses.asdict(one) for one in report.differences], indent=2) + "\n")
    else:
        result("".join(f"{one}\n" for one in report.differences))
    message(otherwise(read, report))
    message(summary(read, report))
    leave(Exit.FINDINGS if report.differences else Exit.DONE)


def _check_host_files(layout: "Layout", *, allowed: bool) -> None:
    """Names what QEMU would open of the host; a layout may come from anybody."""
    from qslot.schema.pci.qemu_properties import opened_on_host
    from qslot.schema.request.problems import short

    seats = (*layout.controllers, *layout.devices)
    opened = [
        f"{name}={short(value)} of {seat.id}"
        for seat in seats
        for name, value in opened_on_host(seat.properties).items()
    ]
    told = f"QEMU opens files of this host: {', '.join(opened)}"
    if opened and not allowed:
        raise CliError(f"{told}; with --allow-host-files it may", Exit.INPUT)
    message(told if opened else "")


def otherwise(layout: "Layout", report: "Report") -> str:
    """What was started instead of what the layout is planned for; empty where it is the same."""
    from qslot.schema.pci.qemu_versions import version_number, version_text

    planned, ran = f"QEMU {version_text(layout.qemu_version[:2])}", ""
    if report.version is not None:
        ran = f"QEMU {version_text(version_number(report.version)[:2])}"
    if report.firmware:
        planned += f" with {layout.firmware.name} {layout.firmware.version}"
        ran += f" with {layout.firmware.name} {report.firmware}"
    return f"The layout is planned for {planned}; predicted is what {ran} does." if ran and ran != planned else ""


def summary(layout: "Layout", report: "Report") -> str:
    """A sentence on the whole."""
    if report.version is None:
        return "The guest does not come up."
    seats = {seat.id for seat in (*layout.controllers, *layout.devices)}
    agreed = len(seats - {difference.subject for difference in report.differences})
    sit = f"{agreed} of {len(seats)} devices and controllers sit where planned, at the predicted addresses"
    firmware = f" with {layout.firmware.name} {report.firmware}" if report.firmware else ""
    return f"Asked QEMU {report.version}{firmware}: after its firmware ran, {sit}."
