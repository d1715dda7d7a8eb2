#!/usr/bin/env python3
"""KubeVirt's hook of that name: the domain comes in without addresses, and leaves with all of them, planned by qslot.

KubeVirt's sidecar-shim starts it as `onDefineDomain --vmi JSON --domain XML` and takes the XML from standard output. A
VMI says what it wants beyond that in annotations: `qslot/spare: pcie=6,pci=2`, free slots for hot-plug, and
`qslot/preset: default`; the preset is `libvirt` otherwise. What has an address keeps it, so that the hook may be called
again with its own answer.
"""

import argparse
import json
import sys
from collections.abc import Mapping

import qslot


def main() -> None:
    """Prints the XML; a domain that cannot be planned ends it with the reason, which KubeVirt puts into its log."""
    parser = argparse.ArgumentParser(description="KubeVirt's hook onDefineDomain: states every PCI address.")
    parser.add_argument("--vmi", required=True, metavar="JSON", help="the virtual machine instance")
    parser.add_argument("--domain", required=True, metavar="XML", help="libvirt's domain")
    given = parser.parse_args()
    try:
        sys.stdout.write(planned(given.domain, json.loads(given.vmi)))
    except qslot.QslotError as error:
        sys.exit(f"qslot: {error}")


def planned(domain: str, vmi: Mapping[str, object]) -> str:
    """The domain with every address and controller. Raises QslotError: bad input, or no layout, and why."""
    guest = qslot.parse_guest(domain, None, wishes(vmi))
    return qslot.explain(guest).require().to_libvirt(domain)


def wishes(vmi: Mapping[str, object]) -> dict[str, object]:
    """What the annotations say, as fields of a guest."""
    metadata = vmi.get("metadata")
    notes = (metadata.get("annotations") if isinstance(metadata, Mapping) else None) or {}
    asked: dict[str, object] = {"policy": {"preset": notes.get("qslot/preset", "libvirt")}}
    if spare := notes.get("qslot/spare"):
        kinds = (part.partition("=") for part in spare.split(","))
        asked["spare"] = {kind.strip(): int(count) if count.strip().isdigit() else count for kind, _, count in kinds}
    return asked


if __name__ == "__main__":
    main()
