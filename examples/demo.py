"""What `make demo` runs: plans a guest, shows the plan, and asks a real QEMU, where there is one, whether it agrees."""

import sys
from pathlib import Path

import click

import qslot
from qslot.schema.probe import missing
from qslot.solver.cli.plan import argv_lines
from qslot.solver.cli.probe import summary

GUEST = Path(__file__).with_name("rhel6-q35.yaml")


def main() -> int:
    """The exit code: 0 where the plan is proved and QEMU, if asked, agrees."""
    outcome = qslot.solve(qslot.read_guest(GUEST))
    if not isinstance(outcome, qslot.Solved):
        click.echo(f"no proved plan: {outcome}", err=True)
        return 3
    click.echo(f"$ qslot plan examples/{GUEST.name}\n\n{qslot.tree(outcome.layout)}")
    click.echo(f"$ qslot plan examples/{GUEST.name} --to argv\n\n{argv_lines(outcome.layout)}")
    return _real(outcome.layout)


def _real(layout: qslot.Layout) -> int:
    if absent := missing():
        click.echo(f"No real QEMU was asked: {' and '.join(absent)} not found.")
        return 0
    try:
        report = qslot.probe(layout)
    except qslot.ProbeError as error:
        click.echo(f"QEMU did not come up: {error}", err=True)
        return 1
    click.echo(summary(layout, report))
    for difference in report.differences:
        click.echo(f"  {difference}")
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
