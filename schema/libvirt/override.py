"""QEMU properties that domain XML has no attribute for: `<qemu:override>`, which libvirt 8.2 and newer pass on."""

import re
from typing import Any, Final

from ..pci.qemu_properties import canonical, switched_mode
from .splice import Edits, Element, SourceError, indented

NAMESPACE: Final = "http://libvirt.org/schemas/domain/qemu/1.0"


def qemu_tag(name: str) -> str:
    """Of an element of QEMU's own namespace."""
    return f"{{{NAMESPACE}}}{name}"


def overrides(root: Element) -> dict[str, dict[str, Any]]:
    """By alias of the device."""
    found: dict[str, dict[str, Any]] = {}
    for override in root.all(qemu_tag("override")):
        for device in override.all(qemu_tag("device")):
            frontend = device.first(qemu_tag("frontend"))
            for one in frontend.all(qemu_tag("property")) if frontend is not None else ():
                value = _value(one)
                if value is not None:
                    found.setdefault(device.get("alias"), {})[one.get("name")] = value
    return found


def _value(one: Element) -> Any:
    """None for a property that is taken away."""
    kind, text = one.get("type"), one.get("value")
    if kind in ("signed", "unsigned"):
        return int(text) if text.lstrip("-").isdecimal() else None
    return text == "true" if kind == "bool" else text if kind == "string" else None


def overridden_mode(alias: str, properties: dict[str, Any]) -> str | None:
    """The virtio mode that overridden switches make; None where they leave it to the slot. Raises SourceError."""
    try:
        return switched_mode(properties)
    except ValueError:
        raise SourceError(f"{alias}: overrides switch legacy and modern virtio off: keep one of them") from None


def add_overrides(
    edits: Edits, root: Element, there: dict[str, dict[str, Any]], properties: dict[str, dict[str, Any]]
) -> None:
    """States properties by alias, beside those that are there already."""
    wanted = {
        alias: {name: value for name, value in given.items() if not _is(there.get(alias, {}), name, value)}
        for alias, given in properties.items()
    }
    missing = {alias: given for alias, given in wanted.items() if given}
    if not missing:
        return
    prefix = _prefix(edits, root)
    devices = "\n".join(_device(prefix, alias, given) for alias, given in missing.items())
    override = root.first(qemu_tag("override"))
    if override is not None:
        edits.append(override, devices)
    else:
        edits.append(root, f"<{prefix}:override>\n{indented(devices)}\n</{prefix}:override>")


def _is(properties: dict[str, Any], name: str, value: Any) -> bool:
    return name in properties and bool(canonical(name, properties[name]) == canonical(name, value))


def _prefix(edits: Edits, root: Element) -> str:
    """The prefix that the root element declares for the namespace; declares one if there is none."""
    tag = edits.data[root.start : root.open_end].decode(errors="replace")
    found = re.search(rf"xmlns:(\w+)\s*=\s*[\"']{re.escape(NAMESPACE)}[\"']", tag)
    if found:
        return found[1]
    edits.set(root, **{"xmlns:qemu": NAMESPACE})
    return "qemu"


def _device(prefix: str, alias: str, properties: dict[str, Any]) -> str:
    lines = [f"<{prefix}:device alias='{alias}'>", f"  <{prefix}:frontend>"]
    for name, value in properties.items():
        kind = "bool" if isinstance(value, bool) else "unsigned" if isinstance(value, int) else "string"
        text = str(value).lower() if isinstance(value, bool) else value
        lines.append(f"    <{prefix}:property name='{name}' type='{kind}' value='{text}'/>")
    return "\n".join([*lines, f"  </{prefix}:frontend>", f"</{prefix}:device>"])
