"""JSON Schema of guest files and layouts, for editors and other programs."""

import ast
from importlib.metadata import version
from inspect import cleandoc, getsource
from itertools import pairwise
from textwrap import dedent
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from ..comparison import LayoutDiff
from ..layout.layout import Layout
from ..request.guest import Guest

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SWITCH_WORDS: Final = ("on", "off", "yes", "no", "true", "false")


def field_sentences(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a model and of its bases, by the field's name."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            (definition,) = ast.parse(dedent(getsource(cls))).body
            assert isinstance(definition, ast.ClassDef)
            for field, below in pairwise(definition.body):
                match field, below:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(sentences))),
                    ):
                        found[name] = cleandoc(sentences)
    return found


class Descriptions(GenerateJsonSchema):
    """As pydantic has it, but with the sentences of fields, of each docstring the first paragraph on one line, and no
    titles that repeat a name."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        """The document, with `$schema`."""
        document: JsonSchemaValue = _on_one_line(super().generate(schema, mode))
        return {"$schema": DIALECT} | document

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """With the docstrings of its fields."""
        document = super().model_schema(schema)
        sentences = field_sentences(schema["cls"])
        for name, field in document.get("properties", {}).items():
            if name in sentences:
                field.setdefault("description", sentences[name])
        return document

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Never: the name is there already."""
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """As the models have it: examples are easier to read in the order in which they were written."""
        return value


class Spellings(Descriptions):
    """What a file may say: numbers and switches as text, too, as pydantic reads them."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """A number, or its digits in quotes."""
        return {"anyOf": [super().int_schema(schema), {"type": "string", "pattern": r"^\s*-?\d+\s*$"}]}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        """A boolean, or a word that YAML 1.1 takes for one, and editors for text."""
        return {"anyOf": [super().bool_schema(schema), {"enum": [*SWITCH_WORDS]}]}


def _on_one_line(part: Any) -> Any:
    if isinstance(part, list):
        return [_on_one_line(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: " ".join(value.split("\n\n")[0].split())
        if name == "description" and isinstance(value, str)
        else _on_one_line(value)
        for name, value in part.items()
    }


def guest_schema() -> dict[str, Any]:
    """Of guest files: it takes what `Guest` takes, and what --os and --host decide: `machine: auto`, or none.

    What no schema can say, as that ids are unique, it does not refuse.
    """
    document = Guest.model_json_schema(schema_generator=Spellings)
    machine = document["properties"]["machine"]
    machine["anyOf"] = [{"const": "auto"}, {"pattern": machine.pop("pattern")}]
    document["required"].remove("machine")
    return _named("guest", document)


def layout_schema() -> dict[str, Any]:
    """Of layouts as `qslot plan --to json` and `--to yaml` write them."""
    return _named("layout", Layout.model_json_schema(mode="serialization", schema_generator=Descriptions))


def diff_schema() -> dict[str, Any]:
    """Of what `qslot diff --json` writes."""
    return _named("diff", LayoutDiff.model_json_schema(mode="serialization", schema_generator=Descriptions))


def _named(what: str, document: dict[str, Any]) -> dict[str, Any]:
    """With an identifier of its own: what a file may say depends on the version of qslot that reads it."""
    return {"$schema": document["$schema"], "$id": f"urn:qslot:{version('qslot')}:{what}"} | document
