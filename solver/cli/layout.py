"""`qslot check` and `qslot show`: what can be done with a layout that exists."""

import json

import click

from .exits import Exit, leave, result


@click.command()
@click.argument("guest")
@click.argument("layout")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def check(guest: str, layout: str, as_json: bool) -> None:
    """Hold LAYOUT against every rule and GUEST, without the solver.

    Prints the findings, or nothing. Exit code 5 where one of them is an error.
    """
    from qslot.schema.errors import InputError
    from qslot.schema.formats.files import read_guest, read_layout
    from qslot.schema.formats.text_layout import findings
    from qslot.schema.verify import verify

    if guest == layout == "-":
        raise InputError("standard input", ["can be the guest or the layout, not both"])
    found = list(verify(read_guest(guest), read_layout(layout)))
    if as_json:
        result(json.dumps([finding.model_dump(mode="json") for finding in found], indent=2) + "\n")
    elif found:
        result(findings(found) + "\n")
    leave(Exit.FINDINGS if any(finding.severity == "error" for finding in found) else Exit.DONE)


@click.command()
@click.argument("layout")
@click.option("--to", "form", type=click.Choice(["tree", "json"]), default="tree", show_default=True)
def show(layout: str, form: str) -> None:
    """Draw LAYOUT as `lspci -tv` would, with its spare slots, objective and warnings."""
    from qslot.schema.formats.files import read_layout, to_json
    from qslot.schema.formats.text_layout import tree

    read = read_layout(layout)
    result(tree(read) if form == "tree" else to_json(read))
