"""Data files that lie beside the modules that read them."""

import json
from pathlib import Path
from typing import Any


def packaged_json(module: str, name: str) -> Any:
    """What is in the JSON file of that name beside a module, which is given by its `__file__`."""
    return json.loads(Path(module).with_name(name).read_text(encoding="utf-8"))
