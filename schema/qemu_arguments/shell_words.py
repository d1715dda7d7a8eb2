"""A command line as a file has it -> its words: a shell's text, or what /proc/PID/cmdline holds. And back."""

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from .values import QemuArgumentError

_QEMU: Final = re.compile(r"qemu|kvm|qemu-kvm|qemu-system-(?P<target>[a-z0-9_]+)")
_OPTION: Final = re.compile(r"--?[A-Za-z]")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
X86_TARGETS: Final = ("x86_64", "i386")
"""Of the QEMUs that have the machines q35 and pc."""


def is_command_line(text: str) -> bool:
    """Whether it begins as a QEMU's command line does: by its name, perhaps behind variables, or by an option.

    >>> is_command_line("LC_ALL=C /usr/bin/qemu-system-x86_64 -M q35"), is_command_line("- q35"), is_command_line("# x")
    (True, False, False)
    """
    if "\0" in text:
        return _is_qemu(text.partition("\0")[0])
    first = next((word for line in _lines(text[:65536]) for word in line.split() if not _VARIABLE.match(word)), "")
    return _OPTION.match(first) is not None or _is_qemu(first.strip("'\""))


def words_of(text: str) -> list[str]:
    """The words, QEMU's name among them. Raises QemuArgumentError for quotes that do not end."""
    if "\0" in text:
        return text.removesuffix("\0").split("\0")
    try:
        return shlex.split("\n".join(_lines(text)))
    except ValueError as error:
        raise QemuArgumentError(f"not a command line: {str(error).lower()}") from None


def lines_of(words: Sequence[str]) -> list[str]:
    """The words as a shell reads them, an option and its value a line.

    >>> lines_of(["qemu-system-x86_64", "-nodefaults", "-name", "a b"])
    ['qemu-system-x86_64', '-nodefaults', "-name 'a b'"]
    """
    lines: list[list[str]] = []
    for word in words:
        if word.startswith("-") or not lines:
            lines.append([])
        lines[-1].append(word)
    return [shlex.join(line) for line in lines]


def arguments_in(words: Sequence[str]) -> list[str]:
    """The words behind QEMU's name, or all where they begin with an option. Raises QemuArgumentError for another
    program's command line, or a QEMU's without q35 and pc.

    >>> arguments_in(["sudo", "-E", "qemu-system-x86_64", "-M", "q35"])
    ['-M', 'q35']
    """
    if words and _OPTION.match(words[0]):
        return list(words)
    if (program := program_in(words)) is not None:
        found = _QEMU.fullmatch(PurePosixPath(program).name)
        if found is not None and found["target"] not in (None, *X86_TARGETS):
            raise QemuArgumentError(f"{program}: has no machine q35 or pc, the only ones that are planned for")
        return list(words[list(words).index(program) + 1 :])
    first = words[0][:60] if words else ""
    raise QemuArgumentError(f"{first!r} is no QEMU: a command line begins with qemu-system-x86_64, or with an option")


def program_in(words: Sequence[str]) -> str | None:
    """QEMU's name among the words; None where they begin with an option."""
    return next(filter(_is_qemu, words), None)


def _is_qemu(word: str) -> bool:
    return _QEMU.fullmatch(PurePosixPath(word).name) is not None


def _lines(text: str) -> list[str]:
    """Without comments; what a backslash continues is one line."""
    lines = re.sub(r"\\\r?\n", " ", text).splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
