"""Requests and layouts from one format into another; what the other cannot say is named."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

from ..errors import ArgumentError, InputError
from ..host_devices import NO_HOST, with_host_devices
from ..layout.layout import Layout
from ..qemu_arguments.shell_words import lines_of
from ..request.guest import Guest
from .files import parse_guest, read_guest_or_layout, validated
from .placed import as_stated
from .plain_data import parse
from .request_line import layout_line, request_line
from .sources import Source, Target, called, is_xml_text
from .toml_text import toml_text
from .unchecked import command_line_data
from .written import json_text, yaml_text

TARGETS_OF_CONVERSION: Final[tuple[Target, ...]] = get_args(Target)
OF_A_LAYOUT: Final = ("spare", "objective", "unmet", "replanned", "warnings")
"""Fields of a layout that a guest does not have, and so no command line."""


class Converted(NamedTuple):
    """A guest or a layout in another format."""

    text: str
    unsaid: tuple[str, ...]
    """What that format does not say, or says otherwise, a line each."""


def convert(source: Source, to: Target) -> Converted:
    """A request as a request, a layout as a layout, of whatever format. Raises InputError for a source that is neither,
    or that the format cannot hold at all; ArgumentError for a format that is none."""
    if to not in TARGETS_OF_CONVERSION:
        raise ArgumentError("to", to, f"{to!r} is none of {', '.join(TARGETS_OF_CONVERSION)}")
    read, text = read_guest_or_layout(source)
    if to == "libvirt":
        return Converted(text, ()) if is_xml_text(text) else _domain(read, called(source))
    if to == "argv":
        return _command_line(read)
    return _plain(read, to)


def _plain(read: Guest | Layout, to: Literal["yaml", "json", "toml"]) -> Converted:
    write = {"json": json_text, "yaml": yaml_text, "toml": toml_text}[to]
    if isinstance(read, Layout):
        data = read.model_dump(mode="json")
        text = write(data)
        again = validated(Layout, _parsed(text, to), f"the layout as {to}").model_dump(mode="json")
        return Converted(text, tuple(differences(data, again)))
    data = request_data(read)
    text = write(data)
    return Converted(text, tuple(differences(data, request_data(parse_guest(text, to)))))


def _parsed(text: str, to: Literal["yaml", "json", "toml"]) -> dict[str, Any]:
    data = parse(text, to)
    assert isinstance(data, dict)
    return data


def request_data(guest: Guest) -> dict[str, Any]:
    """What a request states beyond the defaults, the versions of QEMU and firmware as far as it states them."""
    data = guest.model_dump(mode="json", exclude_defaults=True, exclude={"qemu", "firmware"})
    versions = {"qemu": guest.qemu} if guest.states_qemu and guest.qemu else {}
    firmware = guest.model_dump(mode="json", include={"firmware"})["firmware"]
    return {"machine": guest.machine, **versions, "firmware": firmware, **data}


def _command_line(read: Guest | Layout) -> Converted:
    words = layout_line(read) if isinstance(read, Layout) else request_line(read)
    text = " \\\n  ".join(lines_of(words)) + "\n"
    data = command_line_data(text, "the command line", placed=isinstance(read, Layout))
    try:
        again = validated(Guest, with_host_devices(data, NO_HOST, assume=True), "the command line")
    except InputError as error:
        if isinstance(read, Layout):
            raise
        why = "a command line without addresses says nothing of groups: plan it first (qslot plan)"
        raise InputError("the request", [why, f"as a command line it is refused: {error}"]) from None
    if isinstance(read, Guest):
        return Converted(text, tuple(differences(request_data(read), request_data(again))))
    whole = {name: value for name, value in read.model_dump(mode="json").items() if name not in OF_A_LAYOUT}
    told = as_stated(again, "the command line").model_dump(mode="json")
    own = (f"{name}: of a layout alone" for name in OF_A_LAYOUT if getattr(read, name))
    compared = (name for name in ("machine", "firmware", "platform", "controllers", "devices"))
    return Converted(text, (*(one for name in compared for one in differences(whole[name], told[name], name)), *own))


def _domain(read: Guest | Layout, name: str) -> Converted:
    """A request must say where everything is: else its domain would be libvirt's to lay out."""
    from ..libvirt import SourceError, unsaid
    from ..libvirt.compose import TOLD_BY_ELEMENTS, compose
    from ..libvirt.unsaid import ONLY_PLANNED

    layout = as_stated(read, name) if isinstance(read, Guest) else read
    asked = read if isinstance(read, Guest) else Guest.from_layout(read)
    try:
        made = compose(layout, asked.needs)
        lost = unsaid(asked, layout, made.before, made.data)
    except SourceError as error:
        raise InputError(name, [str(error)]) from None
    own = (f"{name}: of a layout alone" for name in OF_A_LAYOUT if getattr(layout, name))
    lost = tuple(
        line.removeprefix(ONLY_PLANNED) for line in lost if not TOLD_BY_ELEMENTS & set(re.split(r"[.:]", line))
    )
    return Converted(made.data.decode(), (*made.notes, *lost, *own))


def differences(said: Any, again: Any, path: str = "") -> Iterator[str]:
    """Each value that is said and is not there again, by its path; entries with ids by these."""
    if isinstance(said, Mapping):
        other = again if isinstance(again, Mapping) else {}
        for name, value in said.items():
            yield from differences(value, other.get(name), f"{path}.{name}" if path else name)
    elif isinstance(said, list) and said and all(isinstance(one, Mapping) and "id" in one for one in said):
        other = {one["id"]: one for one in again or () if isinstance(one, Mapping) and "id" in one}
        for one in said:
            where = f"{path}.{one['id']}"
            if one["id"] in other:
                yield from differences(one, other[one["id"]], where)
            else:
                yield f"{where}: {one.get('model')}"
    elif (said, again) == ("auto", None):  # a virtio mode that is left open
        return
    elif said != again and said is not None:
        yield f"{path}: {said}"
