"""Models as text, and text into files, whole or not at all."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..bounded_input import reason
from ..errors import InputError


def to_json(model: BaseModel) -> str:
    """The same bytes for the same model, wherever it is written."""
    return json_text(model.model_dump(mode="json"))


def to_yaml(model: BaseModel) -> str:
    """As `to_json`, easier on the eye: parts without inner structure stand on one line."""
    return yaml_text(model.model_dump(mode="json"))


def json_text(data: Mapping[str, Any]) -> str:
    """Plain data as JSON."""
    return json.dumps(data, indent=2) + "\n"


def yaml_text(data: Mapping[str, Any]) -> str:
    """Plain data as YAML."""
    import yaml

    return yaml.safe_dump(data, sort_keys=False, width=120, default_flow_style=None)


def write(target: str | Path, text: str) -> None:
    """Writes whole or not at all: into a temporary file of the same folder, then renamed over the target."""
    try:
        path = _behind_links(target)
        temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}")
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
    except (OSError, ValueError) as error:
        raise InputError(str(target), [f"can't be written: {reason(error)}"]) from None


def _behind_links(target: str | Path) -> Path:
    """What is written where the target is a link, which stays one. Raises OSError for links in a circle."""
    try:
        return Path(os.path.realpath(target, strict=True))
    except FileNotFoundError:  # to be made
        return Path(os.path.realpath(target))
