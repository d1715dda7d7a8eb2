"""The real libvirt, its embedded QEMU driver: no daemon, nothing of the machine's is touched.

It needs Debian's packages python3-libvirt and libvirt-daemon-driver-qemu, and runs as a process of Debian's Python,
which alone has libvirt's binding.
"""

import json
import shutil
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Final, Self

from ...schema.qemu.errors import ProbeError

PYTHON: Final = shutil.which("python3-libvirt") or "/usr/bin/python3"
"""That has the binding: Debian's, or one that is called so on PATH."""
_DRIVER: Final = Path(__file__).with_name("driver.py")


def absent(python: str = PYTHON) -> str | None:
    """Why there is no libvirt to be had by that Python; None where there is one."""
    packages = "packages python3-libvirt, libvirt-daemon-driver-qemu"
    if shutil.which(python) is None:
        return f"{python} not found, which would have libvirt's binding ({packages})"
    if subprocess.run([python, "-c", "import libvirt"], capture_output=True, check=False).returncode:
        return f"no libvirt for {python} ({packages})"
    with Libvirt(python) as libvirt:
        told = libvirt.ask(_SMALLEST)
    return None if "xml" in told else f"no embedded QEMU driver for {python} ({packages}): {told['error']}"


class LibvirtError(ProbeError):
    """libvirt refuses; in its own words."""


_SMALLEST: Final = (
    "<domain type='qemu'><name>n</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os></domain>"
)


class Libvirt:
    """libvirt with the QEMU driver. Ends with the `with` block."""

    def __init__(self, python: str = PYTHON) -> None:
        self.python = python
        self._process = self._started()

    @cached_property
    def version(self) -> tuple[int, int]:
        """Major and minor number."""
        words = [self.python, "-c", "import libvirt; print(libvirt.getVersion())"]
        number = int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        return number // 1_000_000, number // 1000 % 1000

    def _started(self) -> subprocess.Popen[str]:
        # as text, not by its name: it gives up root, and with it access to our folder
        command = [self.python, "-c", _DRIVER.read_text(encoding="utf-8")]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd="/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def define(self, domain: str) -> str:
        """The domain's XML as libvirt keeps it, with an address for each device. It is defined under a name of its own,
        emulated, and forgotten again. Raises LibvirtError where libvirt refuses it."""
        return self._kept(self.ask(domain))

    def capabilities(self, machine: str = "") -> str:
        """XML of the domain capabilities for that machine; without one, of the host's."""
        return self._kept(self._answer(["capabilities", machine]))

    def ask(self, domain: str) -> dict[str, str]:
        """As `define`: the XML under `xml`, or why libvirt refuses under `error`."""
        return self._answer(domain)

    def tell(self, command: str, *words: str | bool) -> dict[str, str]:
        """`live` and `stored`, the definitions then of the one domain that runs, or `error`: `start` XML; `attach`
        ELEMENT, and whether to the stored definition, too; `store` ELEMENT; `detach` ELEMENT."""
        return self._answer([command, *words])

    def _kept(self, told: dict[str, str]) -> str:
        if "error" in told:
            raise LibvirtError(told["error"])
        return told["xml"]

    def _answer(self, question: str | list[str | bool]) -> dict[str, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        told = self._process.stdout.readline()
        if not told:
            self._process.communicate()
            self._process = self._started()
            return {"error": "libvirt crashes"}
        answer: dict[str, str] = json.loads(told)
        return answer
