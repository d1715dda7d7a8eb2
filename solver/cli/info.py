"""`qslot schema` and `qslot catalog`: what can be asked for."""

import json
from typing import TYPE_CHECKING

import click

from .completion import MODEL_NAMES
from .exits import CliError, Exit
from .streams import result

if TYPE_CHECKING:
    from qslot.schema.catalog import DeviceModel, ModelBar
    from qslot.schema.pci.controllers import VirtioMode


@click.command()
@click.argument("what", type=click.Choice(["guest", "layout", "diff"]), default="guest")
def schema(what: str) -> None:
    """Print the JSON Schema of a guest (default), a layout or a diff, for editors and other programs."""
    from qslot.schema.formats.json_schema import diff_schema, guest_schema, layout_schema

    document = {"guest": guest_schema, "layout": layout_schema, "diff": diff_schema}[what]()
    result(json.dumps(document, indent=2) + "\n")


@click.command()
@click.argument("model", required=False, shell_complete=MODEL_NAMES)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def catalog(model: str | None, as_json: bool) -> None:
    """Say what is known of device MODEL, or list all models."""
    if model is None:
        linear = _all()
        result(json.dumps([row[0] for row in linear]) + "\n" if as_json else _table(linear))
        return
    facts = _controller(model) or _endpoint(model)
    result(
        json.dumps(facts, indent=2) + "\n" if as_json else _table([(name, str(text)) for name, text in facts.items()])
    )


def _all() -> list[tuple[str, ...]]:
    from qslot.schema.catalog import models
    from qslot.schema.pci.controllers import CONTROLLERS

    linear: list[tuple[str, ...]] = [(name, "controller", "", "", "") for name in CONTROLLERS]
    for name, entry in models().items():
        modes = "" if entry.virtio is None else "/".join(entry.virtio.modes)
        linear.append((name, entry.category, entry.connector, modes, entry.releases))
    return linear


def _table(linear: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*linear, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in linear)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _controller(name: str) -> dict[str, str] | None:
    from qslot.schema.pci.controller_properties import property_names
    from qslot.schema.pci.controllers import CONTROLLERS

    model = CONTROLLERS.get(name)
    if model is None:
        return None
    return {
        "model": f"{name} (controller)",
        "machine": model.machine or "q35 and pc",
        "sits on a bus for": _flags(model.needs.name),
        "its bus takes": _flags(model.bus.provides.name),
        "its slots": f"{model.bus.first_slot:02x} to {model.bus.last_slot:02x}",
        "properties": ", ".join(sorted(property_names(name))),
    }


def _flags(name: str | None) -> str:
    return (name or "").lower().replace("_", " ").replace("|", ", ")


def _endpoint(name: str) -> dict[str, str]:
    from qslot.schema.catalog import UnknownModel, default_hotplug, find, named_by_qemu

    try:
        model = find((named_by_qemu(name) or (name,))[0])
    except UnknownModel as unknown:
        raise CliError(str(unknown), Exit.INPUT) from None
    facts = {
        "model": model.name,
        "driver": model.driver,
        "category": model.category,
        "connector": model.connector.value,
        "hot-plug": f"yes, {default_hotplug(model)} by default" if model.hotpluggable else "QEMU refuses it",
    }
    if model.releases:
        facts["QEMU"] = model.releases
    modes: tuple[VirtioMode | None, ...] = (None,) if model.virtio is None else model.virtio.modes
    for mode in modes:
        facts |= _bars_by_version(model, mode)
    facts["ROM"] = _size(model.rom) if model.rom else "none"
    return facts | _virtual_functions(model) | {"source": model.source}


def _virtual_functions(model: "DeviceModel") -> dict[str, str]:
    """Those that QEMU creates along with a device of the model, and those that a request may list beside one."""
    from qslot.schema.catalog.virtual_functions import ALWAYS_THERE, COUNTED_BY, MAY_BE_LISTED, PHYSICAL

    name = "virtual functions"
    if model.name in ALWAYS_THERE:
        number, offset, stride = ALWAYS_THERE[model.name]
        return {name: f"{number}, from its own routing id + {offset} on, {stride} apart"}
    if model.name in COUNTED_BY:
        counted_by, offset, stride = COUNTED_BY[model.name]
        return {name: f"as many as {counted_by} says, from its own routing id + {offset} on, {stride} apart"}
    if model.virtio is None:
        return {}
    itself = "; it may be one itself" * (model.name in MAY_BE_LISTED)
    return {name: f"those that the request lists with {PHYSICAL}{itself}"}


def _bars_by_version(model: "DeviceModel", mode: "VirtioMode | None") -> dict[str, str]:
    """Without properties; with some, BARs may differ. Today's, then those before."""
    from qslot.schema.catalog.changes import changes, newest_bars
    from qslot.schema.pci.qemu_versions import version_text

    name = "BARs" if mode is None else f"BARs, {mode}"
    if model.self_described:
        return {name: "the host device's: the request states them"}
    older = {f"{name}, {one.by} before {version_text(one.until)}": _bars(one.bars) for one in changes(model, mode)}
    return {name: _bars(newest_bars(model, mode)), **older}


def _bars(bars: "tuple[ModelBar, ...]") -> str:
    return ", ".join(f"{b.bar}: {b.kind} {_size(b.size)}{' prefetchable' * b.prefetchable}" for b in bars) or "none"


def _size(size: int) -> str:
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
    return f"{size} bytes"
