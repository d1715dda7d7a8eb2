"""What a guest, a layout or a part of one says in whatever language, as plain data that nobody has checked yet."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, expect
from .plain_data import Format, TextError, parse, sniff
from .sources import QMP, Source, format_of, is_xml, is_xml_text, socket_of, states_arguments, text_of

if TYPE_CHECKING:  # a reader of layouts needs none of these
    from ..host_devices import Sources
    from .overrides import Overrides


def read_data(
    source: Source, *overrides: "Overrides", host_devices: "Sources | None" = None
) -> tuple[dict[str, Any], str]:
    """A guest as a file has it, with overrides, not yet checked, and the text."""
    name, text = text_of(source)
    data, foreign = said_in(source, name, text)
    data = completed(data, name, *overrides, host_devices=host_devices, foreign=foreign)
    policy = data.get("policy")
    if socket_of(source) is not None and isinstance(policy, dict) and policy.get("eject") == "protect":
        why = "policy.eject: protect is for a guest that starts anew, and this one runs with the hot-plug that it has"
        raise InputError(name, [f"{why}: leave it out, or plan from the file that it was started from"])
    return data, text


def said_in(source: Source, name: str, text: str, *, placed: bool = False) -> tuple[dict[str, Any], bool]:
    """What a text that was read by `text_of` says of a guest or a layout, and whether in another program's words; with
    `placed`, what a command line leaves to QEMU is where QEMU puts it."""
    if (socket := socket_of(source)) is not None:
        return _running(socket), True
    if is_xml(source, text):
        return _domain(text, name), True
    if states_arguments(source, text):
        return command_line_data(text, name, placed=placed), True
    return mapping_in(text, format_of(source), name), False


def parsed(text: str, kind: Format | None) -> tuple[dict[str, Any], bool]:
    """What a text of that format, or of the one that it looks like, says of a guest; and whether in another program's
    words."""
    if kind is None and is_xml_text(text):
        return _domain(text, "text"), True
    return mapping_in(text, kind, "text"), False


def completed(
    data: dict[str, Any], name: str, *overrides: "Overrides", host_devices: "Sources | None" = None, foreign: bool
) -> dict[str, Any]:
    """What is said of a guest, with overrides and the devices of the host; `foreign` are another program's words."""
    if "qslot" in data:
        raise InputError(name, ["this is a layout, not a guest: `qslot show` prints it"])
    if foreign and overrides:
        from .other_machine import for_its_machine

        data = for_its_machine(data, overrides)
    for more in overrides:
        from .overrides import overridden

        expect("overrides", more, Mapping, "a mapping, as in {'devices.net0.hotplug': 'required'}")
        data = overridden(data, more, name)
    from ..host_devices import of_this_machine, read_host_devices, with_host_devices

    host = of_this_machine() if host_devices is None else read_host_devices(host_devices)
    return with_host_devices(data, host, assume=foreign)


def data_of(source: Source) -> dict[str, Any]:
    """What a guest, a layout or a domain in a file says, unchecked and without the host's devices. Raises InputError
    for what cannot be read."""
    name, text = text_of(source)
    return _domain(text, name) if is_xml(source, text) else mapping_in(text, format_of(source), name)


def read_overlay(source: str | Path) -> dict[str, Any]:
    """Overrides in a file: part of a guest, as YAML, TOML or JSON."""
    name, text = text_of(source)
    if is_xml(source, text):
        raise InputError(name, ["libvirt domain XML, not part of a guest: write YAML, TOML or JSON"])
    data = mapping_in(text, format_of(source), name)
    if "qslot" in data:
        raise InputError(name, ["this is a layout, not part of a guest"])
    return data


def _running(socket: str) -> dict[str, Any]:
    from ..qemu.errors import ProbeError
    from ..running import guest_data

    try:
        return guest_data(socket)
    except ProbeError as error:
        raise InputError(f"{QMP}{socket}", [str(error).removeprefix(f"{socket}: ")]) from None


def command_line_data(text: str, name: str, *, placed: bool = False) -> dict[str, Any]:
    """What a command line asks for, not yet checked; see `qemu_arguments.guest_data`. Raises InputError."""
    from ..qemu_arguments import QemuArgumentError, guest_data
    from ..qemu_arguments.shell_words import arguments_in, words_of

    def opened(file: str) -> str:
        """Where it is, or beside what names it: command lines travel with the files of `-readconfig`."""
        beside = Path(name).parent / Path(file).name
        try:
            return text_of(beside if not os.path.exists(file) and os.path.isfile(beside) else file)[1]
        except InputError as error:
            raise QemuArgumentError(str(error)) from None

    try:
        return guest_data(arguments_in(words_of(text)), opened, placed=placed)
    except QemuArgumentError as error:
        raise InputError(name, [str(error)]) from None


def _domain(text: str, name: str) -> dict[str, Any]:
    from ..libvirt import SourceError, guest_data

    try:
        return guest_data(text.encode())
    except SourceError as error:
        raise InputError(name, [str(error)]) from None


def mapping_in(text: str, kind: Format | None, name: str) -> dict[str, Any]:
    """What YAML, TOML or JSON holds, which is guessed where `kind` is None. Raises InputError."""
    if not text.strip():
        raise InputError(name, ["empty: a guest needs at least `machine: q35` and a list of `devices`"])
    try:
        data = parse(text, kind or sniff(text))
    except TextError as error:
        raise InputError(name, [str(error)]) from None
    if not isinstance(data, dict):
        from ..request.problems import short

        found = "nothing but comments" if data is None else f"a {type(data).__name__}, {short(data, 40)}"
        raise InputError(name, [f"must hold a mapping such as `machine: q35`, but holds {found}"])
    return data


def emulator_of(source: Source) -> str | None:
    """The program that runs the guest, as domain XML or a command line names it; None where neither does. Raises
    InputError."""
    from ..libvirt import SourceError, emulator
    from ..qemu_arguments import QemuArgumentError
    from ..qemu_arguments.shell_words import program_in, words_of

    name, text = text_of(source)
    try:
        if states_arguments(source, text):
            return program_in(words_of(text))
        return emulator(text.encode())
    except (SourceError, QemuArgumentError) as error:
        raise InputError(name, [str(error)]) from None
