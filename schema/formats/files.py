"""Guests and layouts as files: YAML, TOML or JSON by suffix, domain XML, a QEMU's command line; `-` for standard input;
one clear error for bad input."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import ArgumentError, InputError, Problem, expect
from ..layout.layout import LAYOUT_VERSION, Layout
from .plain_data import Format
from .sources import SUFFIXES, Source, called, format_of, is_xml, socket_of, states_a_guest, states_arguments, text_of
from .unchecked import completed, mapping_in, parsed, read_data, said_in

if TYPE_CHECKING:  # a reader of layouts needs none of these
    from ..host_devices import Sources
    from ..request.guest import Guest
    from .overrides import Overrides

Model = TypeVar("Model", bound=BaseModel)


def read_guest(source: Source, *overrides: "Overrides", host_devices: "Sources | None" = None) -> "Guest":
    """The guest in a file, libvirt domain XML and the command line of a QEMU too, or that of these words:
    `["qemu-system-x86_64", "-M", "q35"]`. `overrides` say more of it, or otherwise, each in turn, before it is
    checked: `{"devices.net0.hotplug": "required", "spare": {"pcie": 6}}`, see `formats.overrides`. `host_devices` are
    folders and files that show the devices of the host, see `read_host_devices`; without them this machine is looked
    at."""
    return read_request(source, *overrides, host_devices=host_devices)[0]


def read_request(source: Source, *overrides: "Overrides", host_devices: "Sources | None" = None) -> tuple["Guest", str]:
    """The guest in a file, and the text that it was read from."""
    data, text = read_data(source, *overrides, host_devices=host_devices)
    return _guest(data, called(source)), text


def read_stated(source: Source) -> "tuple[Guest | Layout, str]":
    """The guest that domain XML, a command line or a running QEMU states, with this machine's devices of the host, or
    the layout in any other file; and the text. What a command line leaves to QEMU is where QEMU puts it."""
    name, text = text_of(source)
    if states_a_guest(source, text):
        data, foreign = said_in(source, name, text, placed=True)
        return _guest(completed(data, name, foreign=foreign), name), text
    return _layout(source, name, text), text


def read_guest_or_layout(source: Source) -> "tuple[Guest | Layout, str]":
    """What is in a file, whichever of the two; and the text. Of a domain or a command line the request."""
    name, text = text_of(source)
    data, foreign = said_in(source, name, text)
    if "qslot" in data:
        return _layout_of(data, name), text
    return _guest(completed(data, name, foreign=foreign), name), text


def read_layout(source: Source) -> Layout:
    """The layout in a file that `qslot plan --to json` or `--to yaml` wrote, of this qslot or an older one."""
    return _layout(source, *text_of(source))


def _layout(source: Source, name: str, text: str) -> Layout:
    if is_xml(source, text):
        raise InputError(name, ["libvirt domain XML, not a layout: `qslot plan FILE --to json` makes one of it"])
    if states_arguments(source, text):
        raise InputError(name, ["a command line, not a layout: `qslot plan FILE --to json` makes one of it"])
    if socket_of(source) is not None:
        raise InputError(name, ["a running QEMU, not a layout's file: `qslot show --qmp SOCKET --to json` makes one"])
    data = mapping_in(text, format_of(source), name)
    if "qslot" not in data:
        raise InputError(name, ["not a layout (it has no field `qslot`): `qslot plan GUEST --to json` writes one"])
    return _layout_of(data, name)


def _layout_of(data: dict[str, Any], name: str) -> Layout:
    _refuse_newer(data, name)
    return validated(Layout, data, name)


def _refuse_newer(data: Mapping[str, Any], name: str) -> None:
    """What an older qslot wrote is read: fields have only been added, with defaults that mean what was before."""
    versions = data.get("versions")
    stated = {"qslot": data["qslot"], "versions.layout": versions.get("layout") if isinstance(versions, dict) else None}
    for field, version in stated.items():
        if type(version) is int and version > LAYOUT_VERSION:
            mend = f"a layout of format {version}, and this qslot reads formats up to {LAYOUT_VERSION}: use a newer one"
            raise InputError(name, [Problem(field, version, mend, f"{field}: {mend}")])


def parse_guest(
    text: str, kind: Format | None = None, *overrides: "Overrides", host_devices: "Sources | None" = None
) -> "Guest":
    """The guest in a text, libvirt domain XML too; its format is guessed where `kind` is None. All else is as with
    `read_guest`. Raises InputError, ArgumentError.

    >>> parse_guest("machine: q35\\ndevices: []", None, {"spare": {"pcie": 2}}).spare[0].count
    2
    """
    expect("text", text, str, "a guest as text: YAML, TOML, JSON or domain XML")
    if kind not in (None, *SUFFIXES.values()):
        raise ArgumentError("kind", kind, f"{kind!r} is none of {', '.join(dict.fromkeys(SUFFIXES.values()))}")
    data, foreign = parsed(text, kind)
    return _guest(completed(data, "text", *overrides, host_devices=host_devices, foreign=foreign), "text")


def _guest(data: dict[str, Any], name: str) -> "Guest":
    from ..request.guest import Guest

    return validated(Guest, data, name)


def validated(model: type[Model], data: dict[str, Any], name: str) -> Model:
    """The model of these data. Raises InputError, which names the input by `name`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        from ..request.problems import problems

        raise InputError(name, problems(error, data, model)) from None
