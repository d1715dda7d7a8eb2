"""Run by Debian's Python, which has libvirt's binding: domain XML in, what libvirt makes of it out, a JSON line each;
or a list of one machine in, domain capabilities out.

Uses the embedded QEMU driver in a folder of its own: no daemon, nothing of the machine's. Not as root: then the driver
would ask QEMU for its abilities as another user, find KVM there or not there by turns, and ask again for each domain.
"""

import json
import os
import sys
import tempfile
import threading
import xml.etree.ElementTree as ET

import libvirt

EMULATOR = "/usr/bin/qemu-system-x86_64"
NOBODY = 65534


def usable(text: str) -> str:
    """With an emulator that is there, without KVM, and under a name of its own."""
    root = ET.fromstring(text)
    root.set("type", "qemu")
    for tag in ("name", "uuid"):
        for one in root.findall(tag):
            root.remove(one)
    ET.SubElement(root, "name").text = "qslot"
    for devices in root.findall("devices"):
        for one in devices.findall("emulator"):
            one.text = EMULATOR
    return ET.tostring(root, encoding="unicode")


def answer(connection: libvirt.virConnect, text: str) -> dict[str, str]:
    try:
        domain = connection.defineXML(usable(text))
        xml = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    except libvirt.libvirtError as error:
        return {"error": str(error)}
    return {"xml": xml}


def capabilities(connection: libvirt.virConnect, machine: str) -> dict[str, str]:
    """Of the host, or of domains with that machine."""
    if not machine:
        return {"xml": connection.getCapabilities()}
    return {"xml": connection.getDomainCapabilities(EMULATOR, "x86_64", machine, "qemu")}


def main() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    with tempfile.TemporaryDirectory(prefix="qslot-") as folder:
        os.environ |= {"HOME": folder, "XDG_RUNTIME_DIR": folder}
        libvirt.registerErrorHandler(lambda *_: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=run_events, daemon=True).start()
        connection = libvirt.open(f"qemu:///embed?root={folder}")
        for line in sys.stdin:
            asked = json.loads(line)
            told = capabilities(connection, asked[0]) if isinstance(asked, list) else answer(connection, asked)
            print(json.dumps(told), flush=True)  # noqa: T201


def run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


if __name__ == "__main__":
    main()
