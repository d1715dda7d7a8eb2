"""The words of a command line, by what they are."""

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Any, Final, NamedTuple

from ..pci.qemu_properties import canonical
from ..records import record
from .device import DeviceArgument, read_device
from .options import VALUELESS
from .values import QemuArgumentError, options_of

MACHINE_OPTIONS: Final = frozenset({"machine", "M"})


class Global(NamedTuple):
    """`-global`: a property of all devices of a type, or of types below it, that do not state it themselves."""

    driver: str
    property: str
    value: str

    def __str__(self) -> str:
        """In QEMU's form."""
        return f"{self.driver}.{self.property}={self.value}"


class QemuOption(NamedTuple):
    """An option of the command line, without its dashes; what is none has no name."""

    word: int
    """The place of its value among the words, or its own where it has none."""
    name: str
    value: str

    @property
    def words(self) -> list[str]:
        """As it stands on the command line."""
        if not self.name:
            return [self.value]
        return [f"-{self.name}"] if self.name in VALUELESS else [f"-{self.name}", self.value]


class Placed(NamedTuple):
    """A device and the place of its value among the words."""

    word: int
    device: DeviceArgument


@record(frozen=True)
class CommandLine:
    """What is said, in the order in which it is said. What is not read in detail is in `others`: option and value."""

    devices: list[Placed] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    """`-set device.ID.PROPERTY=VALUE`, by id."""
    machine: dict[str, Any] = field(default_factory=dict)
    """Of all `-machine` together; the last one counts."""
    memory_backends: dict[str, int] = field(default_factory=dict)
    """Bytes of the memory that `-object memory-backend-...` makes, by id."""
    others: list[tuple[str, str]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """What QEMU would refuse, in words."""


def read_command_line(words: Sequence[str]) -> CommandLine:
    """What the words after QEMU's name say. Raises nothing: what QEMU would refuse is in `unread`."""
    result = CommandLine()
    options = list(options_in(words))
    for one in options:
        if one.name == "set":
            _set(result, one.value)
    for one in options:
        try:
            _take(result, *one)
        except QemuArgumentError as error:
            result.unread.append(str(error))
    return result


def options_in(words: Sequence[str]) -> Iterator[QemuOption]:
    """The options in their order. The last one may lack its value."""
    index = 0
    while index < len(words):
        word = words[index]
        name = word.lstrip("-")
        if not word.startswith("-"):
            yield QemuOption(index, "", word)
        elif name in VALUELESS or index + 1 == len(words):
            yield QemuOption(index, name, "")
        else:
            index += 1
            yield QemuOption(index, name, words[index])
        index += 1


def _take(result: CommandLine, word: int, option: str, value: str) -> None:
    if option == "device":
        plain = read_device(value)
        settings = result.settings.get(plain.id or "")
        result.devices.append(Placed(word, read_device(value, settings) if settings else plain))
    elif option == "global":
        result.globals.append(read_global(value))
    elif option in MACHINE_OPTIONS:
        result.machine.update(options_of(value, first="type", argument=f"-{option}"))
    elif option == "object":
        _object(result, value)
    elif option != "set":
        result.others.append((option, value))


def _set(result: CommandLine, value: str) -> None:
    """`device.ID.PROPERTY=VALUE`; an id may have dots, a property has none."""
    path, sign, text = value.partition("=")
    group, _, rest = path.partition(".")
    name, dot, key = rest.rpartition(".")
    if not (sign and dot):
        result.unread.append(f"-set {value}: not GROUP.ID.NAME=VALUE")
    elif group == "device":
        result.settings.setdefault(name, {})[key] = text


def read_global(value: str) -> Global:
    """The property of a `-global` value. Raises QemuArgumentError."""
    path, sign, text = value.partition("=")
    driver, dot, name = path.partition(".")
    if sign and dot and "," not in path:
        return Global(driver, name, text)
    options = options_of(value, first="driver", argument="-global")
    parts = [options.get(part) for part in Global._fields]
    if not all(isinstance(part, str) for part in parts):
        raise QemuArgumentError(f"-global {value}: not DRIVER.PROPERTY=VALUE")
    return Global(*map(str, parts))


def _object(result: CommandLine, value: str) -> None:
    options = options_of(value, first="qom-type", argument="-object")
    name, kind = options.get("id"), str(options.get("qom-type"))
    size = canonical("size", options.get("size", 0))
    if isinstance(name, str) and kind.startswith("memory-backend-") and type(size) is int:
        result.memory_backends[name] = size
