"""Broken YAML, TOML and JSON, of guests and layouts: read, or refused with one error."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema.formats.files import parse_guest, read_guest_or_layout, read_stated
from qslot.schema.formats.plain_data import Format, parse, sniff
from qslot.schema.formats.unchecked import read_overlay

from .corrupted import corrupted, misshapen
from .reading import refusal

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = sorted(one for one in (ROOT / "examples").iterdir() if one.suffix in (".yaml", ".toml", ".json"))
LAYOUTS: Final = sorted((ROOT / "tests" / "schema" / "layout_formats").glob("*.json"))
TEXTS: Final = [one.read_text(encoding="utf-8") for one in (*EXAMPLES, *LAYOUTS)]
DATA: Final = [parse(text, sniff(text)) for text in TEXTS]
FORMATS: Final[tuple[Format | None, ...]] = ("yaml", "toml", "json", None)
SUFFIXES: Final = ("", ".yaml", ".toml", ".json", ".xml", ".args")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


@given(corrupted(TEXTS), st.sampled_from(FORMATS))
def test_a_text(text: str, kind: Format | None) -> None:
    refusal(lambda: parse_guest(text, kind))


@given(misshapen(DATA), st.sampled_from(("yaml", "json")))
def test_well_formed_text_that_says_strange_things(data: Any, kind: Format) -> None:
    text = json.dumps(data) if kind == "json" else yaml.safe_dump(data, allow_unicode=True)
    refusal(lambda: parse_guest(text, kind))


@given(st.binary(max_size=200) | corrupted(TEXTS).map(str.encode), st.sampled_from(SUFFIXES))
def test_a_file_of_any_kind(folder: Path, content: bytes, suffix: str) -> None:
    path = folder / f"input{suffix}"
    path.write_bytes(content)
    for read in (read_guest_or_layout, read_stated, read_overlay):
        refusal(lambda read=read: read(path))  # type: ignore[misc]


@given(st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_data_at_all(data: Any) -> None:
    refusal(lambda: parse_guest(json.dumps({"machine": "q35", "devices": data}), "json"))
    refusal(lambda: parse_guest(json.dumps(data), "json"))
