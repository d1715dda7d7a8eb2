"""Mutants that no test can kill, by kind: they change nothing, or nothing that qslot does when it runs."""

import ast
from functools import cache
from pathlib import Path
from typing import Any, Final

IDENTITY: Final = ("_Is_Eq", "_Eq_Is", "_IsNot_NotEq", "_NotEq_IsNot")
"""`is` for `==`, and back: they differ only in whether equal things are one object, which nothing here rests on."""
SCRIPTS: Final = ("schema/libvirt/vocabulary/generate.py", "schema/libvirt/vocabulary/relax_ng.py")
"""Made from libvirt's schema by hand, when that has changed."""


def is_equivalent(mutation: Any, root: Path) -> bool:
    """Whether that mutation of cosmic-ray's, in the sources below `root`, is of such a kind."""
    module = str(mutation.module_path)
    if mutation.operator_name.endswith(IDENTITY) or module.startswith(SCRIPTS):
        return True
    return mutation.start_pos[0] in _local_annotations(root / module) and "BinaryOperator" in mutation.operator_name


@cache
def _local_annotations(module: Path) -> frozenset[int]:
    """Lines of annotations of local variables, which Python does not evaluate, and that have no operator besides."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    local = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.AnnAssign)]
    return frozenset(
        node.lineno
        for node in local
        if node.value is None or not any(isinstance(part, ast.BinOp) for part in ast.walk(node.value))
    )
