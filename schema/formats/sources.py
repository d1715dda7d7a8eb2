"""What a guest or a layout is read from, how messages name it, the text in it, and in which language that is."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from ..bounded_input import MAX_BYTES, UnreadableError, limited, read_bytes, reason
from ..errors import InputError, expect
from .plain_data import Format

SUFFIXES: Final[dict[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}
COMMAND_LINES: Final = (".args", ".argv", ".cmdline", ".sh")
"""Suffixes of files that hold a QEMU's command line, whatever they begin with."""
Target = Literal["yaml", "json", "toml", "argv", "libvirt"]
"""What a guest or a layout can be written as, so that it can be read again."""
FORMAT_OF: Final[dict[str, Target]] = {**SUFFIXES, ".xml": "libvirt", **dict.fromkeys(COMMAND_LINES, "argv")}
"""By the suffix of what is written."""
QMP: Final = "qmp:"
"""How a running QEMU is named, before the socket of its monitor."""
Source = str | Path | Sequence[str]
"""A file's name, `-` for standard input, `qmp:SOCKET` for a running QEMU, or the words of a QEMU's command line."""
SOURCES: Final = (str, Path, list, tuple)
"""Types of what a guest is read from."""


def called(source: Source) -> str:
    """As messages name it."""
    if not isinstance(source, str | Path):
        return "command line"
    return "standard input" if str(source) == "-" else str(source)


def text_of(source: Source) -> tuple[str, str]:
    """Its name, as messages have it, and what is in it. Raises InputError."""
    name = called(source)
    expect("source", source, SOURCES, "a file's name, - for standard input, or the words of a command line")
    if not isinstance(source, str | Path):
        return name, shlex.join(source)
    if socket_of(source) is not None:
        return name, ""
    try:
        raw = _bytes(source)
    except UnreadableError as error:
        raise InputError(name, [str(error)]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            name, [f"not text: byte {raw[error.start]:#04x} at offset {error.start} is not UTF-8"]
        ) from None
    if "\0" in text and not states_arguments(source, text):
        raise InputError(name, [f"not text: a zero byte at offset {raw.index(0)}"])
    return name, text


def _bytes(source: str | Path) -> bytes:
    if str(source) != "-":
        return read_bytes(source)
    if sys.stdin is None:
        raise UnreadableError("can't be read: closed")
    try:
        return limited(sys.stdin.buffer.read(MAX_BYTES + 1))
    except OSError as error:
        raise UnreadableError(f"can't be read: {reason(error)}") from None


def socket_of(source: Source) -> str | None:
    """The socket of a running QEMU's monitor, where the source is one.

    >>> socket_of("qmp:/run/vm.sock"), socket_of("guest.yaml")
    ('/run/vm.sock', None)
    """
    named = isinstance(source, str) and source.startswith(QMP)
    return str(source).removeprefix(QMP) if named else None


def is_xml_text(text: str) -> bool:
    """Whether it is XML, such as a domain's; nothing else that is read begins so."""
    return text.lstrip().startswith("<")


def is_xml(source: Source, text: str) -> bool:
    """The same, of what is named as XML, too."""
    return _suffix(source) == ".xml" or is_xml_text(text)


def states_arguments(source: Source, text: str) -> bool:
    """Whether it is a QEMU's command line: by its name, else by how it begins."""
    if not isinstance(source, str | Path) or _suffix(source) in COMMAND_LINES:
        return True
    if format_of(source) is not None:
        return False
    from ..qemu_arguments.shell_words import is_command_line

    return is_command_line(text)


def states_a_guest(source: Source, text: str) -> bool:
    """Whether it is another program's words for a guest, which states where things are."""
    return socket_of(source) is not None or is_xml(source, text) or states_arguments(source, text)


def format_of(source: Source) -> Format | None:
    """Of plain data, as the name says."""
    return SUFFIXES.get(_suffix(source))


def _suffix(source: Source) -> str:
    return Path(source).suffix.lower() if isinstance(source, str | Path) else ""
