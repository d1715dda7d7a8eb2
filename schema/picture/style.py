"""Colours and fonts of pictures. No colour says anything that words do not say, too; light and dark by the reader's
own setting."""

from collections.abc import Mapping
from typing import Final

from ..catalog import models
from .entries import BusEntry

MONO: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
SANS: Final = "system-ui, 'DejaVu Sans', 'Segoe UI', Roboto, sans-serif"

TAGS: Final[Mapping[str, tuple[str, str]]] = {
    "network": ("NET", "net"),
    "block": ("DISK", "disk"),
    "nvme": ("NVME", "disk"),
    "scsi": ("SCSI", "disk"),
    "sata": ("SATA", "disk"),
    "ide": ("IDE", "disk"),
    "filesystem": ("FS", "disk"),
    "video": ("VIDEO", "show"),
    "audio": ("AUDIO", "show"),
    "host": ("HOST", "host"),
    "usb": ("USB", "plug"),
    "input": ("INPUT", "plug"),
    "serial": ("SERIAL", "plug"),
    "iommu": ("IOMMU", "rest"),
    "balloon": ("BALLN", "rest"),
    "rng": ("RNG", "rest"),
    "vsock": ("VSOCK", "net"),
    "shmem": ("SHMEM", "rest"),
    "memory": ("MEM", "rest"),
    "crypto": ("CRYPT", "rest"),
    "watchdog": ("WATCH", "rest"),
    "panic": ("PANIC", "rest"),
}
"""Of each category of the catalogue, the word and the colour of its tag. Others are called DEVICE."""
CONTROLLER_TAGS: Final = {
    "pcie-root-port": "PORT",
    "ioh3420": "PORT",
    "x3130-upstream": "UP",
    "xio3130-downstream": "DOWN",
}
EXPANDERS: Final = ("pxb", "pxb-pcie")

TAG_COLOURS: Final = {
    "net": "#1d5fd1",
    "disk": "#a8500a",
    "show": "#7a3bd1",
    "host": "#b81442",
    "plug": "#0f7268",
    "rest": "#56606e",
    "bridge": "#37465c",
    "chip": "#6a7480",
}
"""Behind white words, in light and dark."""

Colours = Mapping[str, str]
LIGHT: Final[Colours] = {
    "page": "#f5f6f8",
    "card": "#ffffff",
    "edge": "#d3d9e1",
    "ink": "#1b2430",
    "soft": "#586474",
    "rail": "#a9b4c2",
    "modern": "#17703a",
    "transitional": "#8a5a00",
    "legacy": "#b3261e",
    "node": "#e9eefb",
    "node_edge": "#7f98cf",
    "free": "#5a7f5f",
    "window": "#dbe8fd",
    "window_edge": "#6d97dd",
    "reserve": "#eef0f3",
    "bars": "#fdebd3",
    "bars_edge": "#d09a4e",
    "hatch": "#c3cad3",
    "mark": "#c2410c",
}
DARK: Final[Colours] = {
    "page": "#10151c",
    "card": "#19212c",
    "edge": "#303c4b",
    "ink": "#e7ecf3",
    "soft": "#9caabb",
    "rail": "#506074",
    "modern": "#62d08b",
    "transitional": "#efbf55",
    "legacy": "#ff8f87",
    "node": "#172036",
    "node_edge": "#5c78b8",
    "free": "#8fbf96",
    "window": "#1c3153",
    "window_edge": "#4f7fcc",
    "reserve": "#1d2530",
    "bars": "#3a2c17",
    "bars_edge": "#a87b38",
    "hatch": "#3b4757",
    "mark": "#fb923c",
}


def tag_of(entry: BusEntry) -> tuple[str, str]:
    """The word and the colour of its tag."""
    if entry.kind == "chipset":
        return "CHIP", "chip"
    if entry.kind == "controller":
        if entry.model in EXPANDERS:
            return "EXPAND", "bridge"
        return CONTROLLER_TAGS.get(entry.model, "BRIDGE"), "bridge"
    if entry.kind in ("spare", "free"):
        return entry.kind.upper(), "none"
    known = models().get(entry.model)
    return TAGS.get(known.category if known else "", ("DEVICE", "rest"))


def svg_rules(root: str = "") -> str:
    """The style sheet of drawn shapes, light and dark; `root` stands before each selector."""
    fixed = [
        f"text {{ font: 12px {MONO}; fill: {{ink}}; white-space: pre }}",
        f".h1 {{ font: 600 17px {SANS} }}",
        f".h2 {{ font: 600 13px {SANS} }}",
        f".say {{ font: 12.5px {SANS}; fill: {{soft}} }}",
        ".line { fill: {soft} }",
        ".id { font-weight: 600 }",
        ".soft { fill: {soft} }",
        ".small { font-size: 11px }",
        ".tag { font: 700 9.5px " + MONO + "; fill: #ffffff }",
        ".tag-none { fill: {free} }",
        ".page { fill: {page} }",
        ".card { fill: {card}; stroke: {edge} }",
        ".empty { fill: none; stroke: {free}; stroke-dasharray: 5 4 }",
        ".rail { fill: none; stroke: {rail}; stroke-width: 1.5 }",
        ".node { fill: {node}; stroke: {node_edge} }",
        ".pill { fill: none; stroke: {soft} }",
        *(
            f".pill.{mode} {{ stroke: {{{mode}}} }} text.{mode} {{ fill: {{{mode}}} }}"
            for mode in ("modern", "transitional", "legacy", "mark")
        ),
        ".marked { stroke: {mark}; stroke-width: 2 }",
        ".pill.transitional { stroke-dasharray: 3 2 }",
        ".r-window { fill: {window}; stroke: {window_edge} }",
        ".r-reserve { fill: {reserve}; stroke: {rail}; stroke-dasharray: 3 2 }",
        ".r-bars { fill: {bars}; stroke: {bars_edge} }",
        ".r-free { fill: {card}; stroke: {edge} }",
        ".r-kept { fill: {card}; stroke: {hatch} }",
        ".hatch { fill: none; stroke: {hatch} }",
        *(f".tag-{name} {{ fill: {colour} }}" for name, colour in TAG_COLOURS.items()),
    ]
    light = "\n".join(_filled(rule, LIGHT, root) for rule in fixed)
    dark = "\n".join(_filled(rule, DARK, root) for rule in fixed if _is_coloured(rule))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _is_coloured(rule: str) -> bool:
    return any(f"{{{name}}}" in rule for name in LIGHT)


def _filled(rule: str, colours: Colours, root: str) -> str:
    for name, colour in colours.items():
        rule = rule.replace(f"{{{name}}}", colour)
    return f"{root} {rule}".strip()
