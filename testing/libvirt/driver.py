"""Run by Debian's Python, which has libvirt's binding: a question in JSON a line in, an answer, an object, a line out.

Domain XML is answered by what libvirt makes of it, `xml`; `["capabilities", MACHINE]` by those of domains with it, or,
of no machine, of the host. Of one domain that really runs, without KVM, until the input ends: `["start", XML]`,
`["attach", ELEMENT, CONFIG]` with and without the stored definition, `["store", ELEMENT]` in that alone, and not for
long, `["detach", ELEMENT]`, each answered by both definitions, `live` and `stored`. `error` is why libvirt refuses.

Uses the embedded QEMU driver in a folder of its own: no daemon, nothing of the machine's. Not as root: then the driver
would ask QEMU for its abilities as another user, find KVM there or not there by turns, and ask again for each domain.
"""

import json
import os
import sys
import tempfile
import threading
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path

import libvirt

INSTALLED_QEMU = "/usr/bin/qemu-system-x86_64"
NOBODY = 65534


def emulated(text: str) -> ET.Element:
    """The domain with an emulator that is there, without KVM."""
    root = ET.fromstring(text)
    root.set("type", "qemu")
    for emulator in root.findall("devices/emulator"):
        emulator.text = INSTALLED_QEMU
    return root


def usable(text: str) -> str:
    """That, and under a name of its own."""
    root = emulated(text)
    for tag in ("name", "uuid"):
        for one in root.findall(tag):
            root.remove(one)
    ET.SubElement(root, "name").text = "qslot"
    return ET.tostring(root, encoding="unicode")


class Driver:
    """Has a method for each question."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self.connection = connection
        self.domain: libvirt.virDomain = None

    def answer(self, asked: str | list[str]) -> dict[str, str]:
        """What is answered to a question, as an object of JSON."""
        command, *words = ("define", asked) if isinstance(asked, str) else asked
        try:
            told: dict[str, str] = getattr(self, command)(*words)
        except libvirt.libvirtError as error:
            return {"error": str(error)}
        return told

    def define(self, text: str) -> dict[str, str]:
        """The domain's XML as libvirt keeps it; the domain is forgotten again."""
        domain = self.connection.defineXML(usable(text))
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
        return {"xml": xml}

    def capabilities(self, machine: str) -> dict[str, str]:
        """XML of the capabilities of domains with that machine; of no machine, of the host."""
        if not machine:
            return {"xml": self.connection.getCapabilities()}
        return {"xml": self.connection.getDomainCapabilities(INSTALLED_QEMU, "x86_64", machine, "qemu")}

    # ---- the domain that runs

    def start(self, text: str) -> dict[str, str]:
        """The domain runs, instead of the one before."""
        self.end()
        self.domain = self.connection.defineXML(ET.tostring(emulated(text), encoding="unicode"))
        self.domain.create()
        return self.definitions()

    def attach(self, element: str, config: bool) -> dict[str, str]:
        """An element goes into the running domain, with `config` into the stored definition, too."""
        flags = libvirt.VIR_DOMAIN_AFFECT_LIVE | (libvirt.VIR_DOMAIN_AFFECT_CONFIG if config else 0)
        self.domain.attachDeviceFlags(element, flags)
        return self.definitions()

    def store(self, element: str) -> dict[str, str]:
        """An element goes into the stored definition alone, and out of it again."""
        self.domain.attachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        told = self.definitions()
        self.domain.detachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        return told

    def detach(self, element: str) -> dict[str, str]:
        """An element is taken out of the running domain."""
        self.domain.detachDeviceFlags(element, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        return self.definitions()

    def definitions(self) -> dict[str, str]:
        """Both definitions of the domain that runs."""
        inactive = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        return {"live": self.domain.XMLDesc(0), "stored": inactive}

    def end(self) -> None:
        """The domain that runs, if one does, is ended and forgotten."""
        if self.domain is not None:
            with suppress(libvirt.libvirtError):
                self.domain.destroy()
            self.domain.undefine()
            self.domain = None


def main() -> None:
    """Answers questions until there are no more."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    with tempfile.TemporaryDirectory(prefix="qslot-") as folder:
        os.environ |= {"HOME": folder, "XDG_RUNTIME_DIR": folder}
        configuration = Path(folder, "etc")
        configuration.mkdir()
        # there is no virtlogd
        (configuration / "qemu.conf").write_text('stdio_handler = "file"\n')
        libvirt.registerErrorHandler(lambda *_: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=run_events, daemon=True).start()
        driver = Driver(libvirt.open(f"qemu:///embed?root={folder}"))
        try:
            for line in sys.stdin:
                print(json.dumps(driver.answer(json.loads(line))), flush=True)  # noqa: T201
        finally:
            driver.end()


def run_events() -> None:
    """Runs libvirt's events, without which it does not hear that a domain ended, for ever."""
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    main()
