"""Guests and layouts as files: YAML, TOML or JSON by suffix, `-` for standard input; one clear error for bad input."""

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from ..environment.host import Host, host_of_versions
from ..errors import InputError as InputError
from ..layout.layout import Layout
from ..request.guest import Guest
from ..request.problems import problems, short
from .plain_data import Format, TextError, parse, sniff

Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES: Final = 32 << 20
"""The largest file read. A layout of 20,000 devices is about a third of this."""

SUFFIXES: Final[dict[str, Format]] = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}


_VERSIONS: Final = re.compile(r"(?:^|,)((?:qemu|libvirt)=.*)$", re.DOTALL)


def read_guest(source: str | Path, overrides: Mapping[str, object] | None = None) -> Guest:
    """The guest in a file, libvirt domain XML too. `overrides` replace its top-level fields before they are checked."""
    return read_request(source, overrides)[0]


def read_request(source: str | Path, overrides: Mapping[str, object] | None = None) -> tuple[Guest, str]:
    """The guest in a file, and the text that it was read from."""
    data, text = read_data(source, overrides)
    return _validated(Guest, data, called(source)), text


def read_data(source: str | Path, overrides: Mapping[str, object] | None = None) -> tuple[dict[str, Any], str]:
    """A guest as a file has it, not yet checked, and the text. Overrides of `policy` leave its other fields."""
    name, text = _text(source)
    data = _domain(text, name) if _is_xml(source, text) else _data(text, _format(source), name)
    if "qslot" in data:
        raise InputError(name, ["this is a layout, not a guest: `qslot show` prints it"])
    merged = {**data, **(overrides or {})}
    if overrides is not None and isinstance(policy := overrides.get("policy"), dict):
        merged["policy"] = {**data["policy"], **policy} if isinstance(data.get("policy"), dict) else policy
    return merged, text


def read_host(source: str) -> Host:
    """A host by versions (`qemu=6.2,libvirt=8.0`), by a file of libvirt's capabilities or domain capabilities, or both
    (`caps.xml,libvirt=8.0`)."""
    versions = _VERSIONS.search(source)
    file = source if versions is None else source[: versions.start()]
    try:
        stated = None if versions is None else host_of_versions(versions[1])
    except ValueError as error:
        raise InputError("host", [str(error)]) from None
    if stated is not None and not file:
        return stated
    from ..libvirt import SourceError
    from ..libvirt.capabilities import host_of_capabilities

    name, text = _text(file)
    try:
        known = host_of_capabilities(text.encode(), name)
    except SourceError as error:
        raise InputError(name, [str(error)]) from None
    return known if stated is None else known.with_versions_of(stated)


def read_layout(source: str | Path) -> Layout:
    """The layout in a file that `qslot plan --to json` or `--to yaml` wrote."""
    name, text = _text(source)
    if _is_xml(source, text):
        raise InputError(name, ["libvirt domain XML, not a layout: `qslot plan FILE --to json` makes one of it"])
    data = _data(text, _format(source), name)
    if "qslot" not in data:
        raise InputError(name, ["not a layout (it has no field `qslot`): `qslot plan GUEST --to json` writes one"])
    return _validated(Layout, data, name)


def parse_guest(text: str, kind: Format | None = None) -> Guest:
    """The guest in a text; its format is guessed where `kind` is None.

    >>> parse_guest("machine: q35\\ndevices: []").machine
    'q35'
    """
    return _validated(Guest, _data(text, kind, "text"), "text")


def to_json(model: BaseModel) -> str:
    """The same bytes for the same model, wherever it is written."""
    return json.dumps(model.model_dump(mode="json"), indent=2) + "\n"


def to_yaml(model: BaseModel) -> str:
    """As `to_json`, easier on the eye: parts without inner structure stand on one line."""
    import yaml

    return yaml.safe_dump(model.model_dump(mode="json"), sort_keys=False, width=120, default_flow_style=None)


def write(target: str | Path, text: str) -> None:
    """Writes whole or not at all: into a temporary file of the same folder, then renamed over the target."""
    path = Path(os.path.realpath(target))  # a link stays a link
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
    try:
        if path.exists() and not path.is_file():  # a terminal, a pipe, /dev/null: nothing to protect
            path.write_text(text, encoding="utf-8")
            return
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o7777)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(str(target), [f"can't be written: {_reason(error)}"]) from None


def _is_xml(source: str | Path, text: str) -> bool:
    return Path(str(source)).suffix.lower() == ".xml" or text.lstrip().startswith("<")


def _format(source: str | Path) -> Format | None:
    return SUFFIXES.get(Path(str(source)).suffix.lower())


def _domain(text: str, name: str) -> dict[str, Any]:
    from ..libvirt import SourceError, guest_data

    try:
        return guest_data(text.encode())
    except SourceError as error:
        raise InputError(name, [str(error)]) from None


def _data(text: str, kind: Format | None, name: str) -> dict[str, Any]:
    if not text.strip():
        raise InputError(name, ["empty: a guest needs at least `machine: q35` and a list of `devices`"])
    try:
        data = parse(text, kind or sniff(text))
    except TextError as error:
        raise InputError(name, [str(error)]) from None
    if not isinstance(data, dict):
        found = "nothing but comments" if data is None else f"a {type(data).__name__}, {short(data, 40)}"
        raise InputError(name, [f"must hold a mapping such as `machine: q35`, but holds {found}"])
    return data


def called(source: str | Path) -> str:
    """As messages name it."""
    return "standard input" if str(source) == "-" else str(source)


def _text(source: str | Path) -> tuple[str, str]:
    """Its name, and what is in it."""
    name = called(source)
    try:
        raw = _bytes(source)
    except OSError as error:
        raise InputError(name, [f"can't be read: {_reason(error)}"]) from None
    if len(raw) > MAX_BYTES:
        raise InputError(name, [f"larger than {MAX_BYTES >> 20} MiB, the most that is read"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            name, [f"not text: byte {raw[error.start]:#04x} at offset {error.start} is not UTF-8"]
        ) from None
    if "\0" in text:
        raise InputError(name, [f"not text: a zero byte at offset {raw.index(0)}"])
    return name, text


def _bytes(source: str | Path) -> bytes:
    if str(source) == "-":
        if sys.stdin is None:
            raise OSError(0, "closed")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(source).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _validated(model: type[Model], data: dict[str, Any], name: str) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(name, problems(error, data, model)) from None
