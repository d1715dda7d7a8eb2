"""docs/guest.md, docs/layout.md and docs/diff.md: every field of a guest, a layout and a diff, from the models' own
sentences; and the guest's ABI, from its table."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any, Final

import yaml

from qslot.schema import Guest, Layout
from qslot.schema.comparison import LayoutDiff
from qslot.schema.comparison.guest_abi import HOST_SIDE, MACHINE_ROWS, PART_ROWS, PROPERTY_ROWS, AbiRow
from qslot.schema.formats.json_schema import Descriptions
from qslot.schema.formats.written import to_yaml

Schema = dict[str, Any]

EXAMPLE: Final = """\
machine: q35
firmware: ovmf
memory: 4GiB
devices:
  # Its driver knows virtio 1.0, and it must be possible to unplug it while the guest runs.
  - {id: net0, model: virtio-net, virtio: modern, hotplug: required, properties: {netdev: hostnet0}}
  # Nothing said of hot-plug: the catalogue's wish for such a model holds.
  - {id: disk0, model: nvme, properties: {serial: first, drive: drive0}}
  # Pinned: it must sit there.
  - {id: video0, model: VGA, address: "pcie.0:05.0"}
  # A device of the host. The catalogue cannot know its BARs; `lspci -vv` shows them.
  - id: gpu0
    model: vfio-pci
    connect: express
    properties: {host: "0000:17:00.0"}
    bars:
      - {bar: 0, kind: mem32, size: 16MiB}
      - {bar: 1, kind: mem64, size: 256MiB, prefetchable: true}
# Two slots for what is plugged in later.
spare: {pcie: 2}
"""

MAY_BE_LEFT_OUT: Final = {"Guest.machine": "Required without `--os` and `--host`"}
"""Fields without a default that something else than the guest may supply."""

_GUEST: Final = """\
# Guests, field by field

A guest is written in YAML, TOML or JSON. It needs a machine and its devices; all else has a default. Fields that are
not listed here are refused. `qslot schema` prints the same as JSON Schema, for editors; `qslot catalog` lists the
models of devices and controllers; the folder [examples](../examples) has more guests.

```yaml
{example}```

`qslot plan FILE` finds its layout, whose fields are in [layout.md](layout.md), and `qslot explain FILE` says why there
is none. Sizes are bytes, or text with a unit (B, KiB, MiB, GiB, TiB). Numbers and switches may stand in quotes.
"""

_LAYOUT: Final = """\
# Layouts, field by field

A layout is what `qslot plan FILE --to yaml` or `--to json` writes, and what `check`, `show` and `probe` read. Every
field is written; one that has nothing to say is null or empty, and may be missing where a default is given. In Python
it is a `qslot.schema.Layout`. This is the layout of the guest at the top of [guest.md](guest.md):

```yaml
{example}```

`qslot schema layout` prints the same as JSON Schema.
"""


_DIFF: Final = """\
# What differs between two layouts

`qslot diff OLD NEW` compares two layouts, two domains, or one of each; `--json` writes what is listed below, and
`qslot schema diff` its JSON Schema. A domain must state every address, as what `virsh dumpxml` gives does.

A guest knows a device by three things, and each of them is compared:

- its **path**, slot and function of each step from the root bus: Windows, and QEMU's migration stream;
- its **guest address**, whose bus number the firmware gives: Linux's `enp2s1`, and the order of devices;
- its slot's **number** in ACPI (`_SUN`) or on the port, or its `acpi-index`: Linux's `ens3` and `eno1`.

Devices are the same where their ids are; of two domains, where alias, MAC address, target or address on the host are.
Controllers are the same where model and path are: what they are called is a label.

## The guest's ABI

What must be alike for a guest to be migrated. QEMU checks less than the guest sees; so each line was measured by saving
a guest's state in one QEMU and loading it in another (`tests/real/test_guest_abi.py`: QEMU 7.2.22, 10.0.13, 11.1.3):
*refused* either way; *one-way* where the target lacks what the source has, and wrongly taken the other way round;
wrongly *taken* either way; it *varies* with the version; or it is *unmeasured*, and counts all the same.

{tables}
No part of it are ids, the order of `-device`, the firmware's version (its code moves along), and these properties:
{host_side}. Properties that are not listed at all count as unmeasured.

"""


def diff_page() -> str:
    """docs/diff.md."""
    heads = {"Device or controller": PART_ROWS, "Property": PROPERTY_ROWS, "Machine": MACHINE_ROWS}
    tables = "\n".join(_abi_table(head, rows) for head, rows in heads.items())
    host_side = ", ".join(f"`{name}`" for name in sorted(HOST_SIDE))
    document = LayoutDiff.model_json_schema(mode="serialization", schema_generator=Descriptions)
    return _page(_DIFF.format(tables=tables, host_side=_wrapped(host_side, "")), document)


def _abi_table(head: str, rows: dict[str, AbiRow]) -> str:
    lines = [f"| {head} | QEMU | what it is to the guest |", "|---|---|---|"]
    lines += [f"| `{name}` | {row.verdict} | {row.why} |" for name, row in rows.items()]
    return "\n".join(lines) + "\n"


def guest_page() -> str:
    """docs/guest.md."""
    return _page(_GUEST.format(example=EXAMPLE), Guest.model_json_schema(schema_generator=Descriptions))


def layout_page(layout: Layout) -> str:
    """docs/layout.md; `layout` is that of EXAMPLE."""
    document = Layout.model_json_schema(mode="serialization", schema_generator=Descriptions)
    return _page(_LAYOUT.format(example=to_yaml(layout)), document)


def _page(head: str, document: Schema) -> str:
    """A section for the model itself, then one for each of its parts, in the order in which they are met."""
    parts: Schema = document.get("$defs", {})
    sections = {document["title"]: document}
    for section in (waiting := [document]):
        for name in _named(section):
            if name not in sections and "properties" in (part := _fields(parts[name])):
                sections[name] = part
                waiting.append(part)
    return "\n".join([head, *(_section(name, section, parts) for name, section in sections.items())])


def _named(schema: Any) -> Iterator[str]:
    """Names of the parts that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        schema = [value for name, value in schema.items() if name != "$defs"]
    if isinstance(schema, list):
        for part in schema:
            yield from _named(part)


def _fields(part: Schema) -> Schema:
    """What has the fields, where a part may also be given by a single word."""
    return next((one for one in part.get("anyOf", ()) if "properties" in one), part)


def _section(name: str, section: Schema, parts: Schema) -> str:
    fields = "\n".join(_field(field, schema, parts, name) for field, schema in section["properties"].items())
    return f"## {name}\n\n{_wrapped(section['description'], '')}\n\n{fields}"


def _field(name: str, schema: Schema, parts: Schema, model: str) -> str:
    default = MAY_BE_LEFT_OUT.get(f"{model}.{name}") or _default(schema)
    facts = _wrapped(f"- **`{name}`**: {_values(schema, parts)}. {default}.", "  ")
    meaning = _wrapped(f"  {schema['description']}", "  ")
    examples = [f"  Example: `{name}: {_flow(value)}`" for value in schema.get("examples", ())[:1]]
    return "\n\n".join([facts, meaning, *examples]) + "\n"


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return "Required"
    default = schema["default"]
    if default is None or default == "":
        return "Default: none"
    return "Default: those of its fields" if default and isinstance(default, dict) else f"Default: `{_flow(default)}`"


def _values(schema: Schema, parts: Schema, *, inside: bool = False) -> str:
    """What a field may be, in words. `inside` another, examples say what such a text looks like."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if "properties" in _fields(parts[name]) else _values(parts[name], parts)
    if "enum" in schema or "const" in schema:
        return _either([f"`{_flow(value)}`" for value in schema.get("enum", [schema.get("const")])])
    if "anyOf" in schema:
        nothing = {"type": "null"}  # which goes without saying where it is the default
        either = [one for one in schema["anyOf"] if one != nothing or schema.get("default", "") is not None]
        return _either([_values(one, parts, inside=len(either) > 1) for one in either])
    if schema["type"] == "array":
        most = f"at most {schema['maxItems']} " if "maxItems" in schema else ""
        return f"list of {most}{_values(schema['items'], parts, inside=True)}"
    if schema["type"] == "object":
        names = _either([f"`{name}`" for name in schema.get("propertyNames", {}).get("enum", ())]) or "names"
        return f"mapping of {names} to {_values(schema['additionalProperties'], parts, inside=True)}"
    if schema["type"] == "string" and inside and "examples" in schema:
        return f"text like {_either([f'`{one}`' for one in schema['examples']])}"
    plain = {"integer": f"whole number{_range(schema)}", "boolean": "`true` or `false`", "string": "text"}
    return plain.get(schema["type"]) or str(schema["type"])


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is None:
        return "" if least is None else f" from {least} up"
    return f" from {least} to {most if most < 1 << 32 else f'2^{most.bit_length() - 1}'}"


def _either(words: list[str]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def _flow(value: object) -> str:
    """YAML on one line."""
    text = str(yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False))
    return text.removesuffix("\n").removesuffix("\n...")


def _wrapped(text: str, indent: str) -> str:
    return fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
