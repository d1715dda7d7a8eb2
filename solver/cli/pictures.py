"""A layout as text or as a picture: what `--to` and `-o` mean to every command that draws one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from .source import PathType
from .terminal import columns, has_colour

if TYPE_CHECKING:
    from pathlib import Path

    from qslot.schema import Layout

    from .request import Option

PICTURES: Final = ("svg", "html")
TEXTS: Final = ("", ".txt", ".text", ".log", ".out", ".tree")
"""Suffixes of files that may hold what a terminal shows."""
LAYOUT_FORMS: Final = ("tree", *PICTURES, "json", "yaml")

output_option: "Option" = click.option(
    "-o",
    "--output",
    type=PathType(),
    help="Write the result there, whole or not at all; as its suffix says, without --to.",
)


def form_of(form: str | None, output: "Path | None", offered: Sequence[str]) -> str | None:
    """What `--to` says, else the form that the file's suffix stands for; None for text. Raises UsageError for
    a suffix that stands for anything else."""
    if form is not None or output is None or output.suffix.lower() in TEXTS:
        return form
    from qslot.schema.formats.sources import FORMAT_OF

    by_suffix = FORMAT_OF | {f".{one}": one for one in PICTURES}
    said = by_suffix.get(output.suffix.lower(), "")
    if said not in offered:
        raise click.UsageError(
            f"-o {output}: nothing is written as {output.suffix}: --to says as what ({', '.join(offered)})"
        )
    return said


def drawn(layout: "Layout", form: str, output: "Path | None", before: "Layout | None" = None) -> str:
    """The layout in one of LAYOUT_FORMS, for standard output or that file; pictures can have another one beside it."""
    if form == "svg":
        from qslot.schema.picture.svg_file import svg

        return svg(layout, before)
    if form == "html":
        from qslot.schema.picture.html_page import html

        return html(layout, before)
    from qslot.schema.formats.text_layout import tree
    from qslot.schema.formats.written import to_json, to_yaml

    if form == "tree":
        return tree(layout) if output else tree(layout, width=columns(), colour=has_colour())
    return {"json": to_json, "yaml": to_yaml}[form](layout)
