"""What `make demo` runs: plans a guest, shows the plan, and asks a real QEMU, where there is one, whether it agrees."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from qslot.schema import Layout

GUEST = "examples/rhel6-q35.yaml"


def main(source: str = GUEST) -> int:
    """The exit code: 0 where the plan is proved and QEMU, if asked, agrees."""
    from qslot.schema import Solved
    from qslot.schema.errors import InputError
    from qslot.schema.formats.files import read_guest
    from qslot.schema.formats.text_layout import tree

    from .. import Options, solve
    from .plan import argv_lines

    try:
        guest = read_guest(source)
    except InputError as error:
        click.echo(f"{error}\nhint: run this in a checkout of qslot", err=True)
        return 2
    click.echo(f"$ qslot plan {source}\n")
    outcome = solve(guest, Options())
    if not isinstance(outcome, Solved):
        click.echo(f"no proved plan: {outcome}", err=True)
        return 3
    click.echo(tree(outcome.layout))
    click.echo(f"$ qslot plan {source} --to argv\n\n{argv_lines(outcome.layout)}")
    return _real(outcome.layout)


def _real(layout: "Layout") -> int:
    from qslot.schema.probe import ProbeError, missing, probe

    from .probe import summary

    if absent := missing():
        click.echo(f"No real QEMU was asked: {' and '.join(absent)} not found.")
        return 0
    try:
        report = probe(layout)
    except ProbeError as error:
        click.echo(f"QEMU did not come up: {error}", err=True)
        return 1
    click.echo(summary(layout, report))
    for difference in report.differences:
        click.echo(f"  {difference}")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
