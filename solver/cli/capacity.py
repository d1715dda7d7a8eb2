"""`qslot capacity`: what a guest has free, and how many devices more it can take."""

from typing import TYPE_CHECKING

import click

from .completion import MODEL_NAMES
from .exits import warn
from .progress import ProgressLine
from .request import read_yaml
from .seconds import SECONDS
from .source import SOURCE, GuestCommand
from .streams import answer, interruptible, reading

if TYPE_CHECKING:
    from qslot.schema.formats.sources import Source


def _pairs(needs: tuple[str, ...]) -> dict[str, object]:
    """`FIELD=VALUE` as fields of a device; `properties.NAME=VALUE` is one of its QEMU properties. A value is a list as
    YAML has it, else the text itself, which the field reads."""
    fields: dict[str, object] = {}
    properties: dict[str, object] = {}
    for text in needs:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise click.UsageError(f"--need {text}: write FIELD=VALUE, as in virtio=transitional")
        field, _, inner = name.partition(".")
        if inner and field != "properties":
            raise click.UsageError(f"--need {text}: only properties have a name behind a dot: properties.mq=on")
        if inner:
            properties[inner] = value
        else:
            fields[name] = read_yaml(value, f"--need {name}") if value.startswith("[") else value
    return {**fields, "properties": properties} if properties else fields


@click.command(cls=GuestCommand)
@click.argument("layout", type=SOURCE)
@click.option(
    "--model",
    metavar="M",
    shell_complete=MODEL_NAMES,
    help="How many more of this model fit: `qslot catalog` lists them.",
)
@click.option(
    "--need",
    "needs",
    multiple=True,
    metavar="FIELD=VALUE",
    help="More of such a device: virtio=transitional, hotplug=required, properties.mq=on, bars=[{...}].",
)
@click.option("--time-limit", type=SECONDS, metavar="S", help="Seconds for each plan; default: none.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def capacity(
    layout: "Source", model: str | None, needs: tuple[str, ...], time_limit: float | None, as_json: bool
) -> None:
    """Say which hot-pluggable slots of LAYOUT, a layout or a domain, are free, and what each has room for.

    With --model also how many more of such devices fit: while the guest runs, one a slot, with the IO ports and memory
    that the firmware has reserved there; and at its next start, with controllers added and everything else where it is,
    until one more is proved not to fit.

    \b
    Examples:
      qslot capacity layout.json
      qslot capacity domain.xml --model virtio-net --need hotplug=required
    """
    from qslot.schema.formats.placed import read_placed

    if needs and model is None:
        raise click.UsageError("--need goes with --model")
    asked = _pairs(needs)
    with reading(layout):
        placed = read_placed(layout)
    warn(placed.warnings)
    from .. import Options  # after reading: bad input need not wait for ortools to load
    from .. import capacity as counted

    with interruptible(), ProgressLine("counting") as line:
        found = counted(placed.layout, model, asked, Options(time_limit=time_limit, progress=line.listener))
    answer(found, as_json=as_json)
