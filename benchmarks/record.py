"""One line of a result file: a family at a size, what came out, what it cost in time."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """Times are medians in milliseconds; `ratio` has the medians of the same over the trivial solves just before."""

    family: str
    size: int
    status: str
    """optimal, infeasible (proved) or undecided."""
    cost: dict[str, int]
    bound: dict[str, int]
    findings: list[str]
    """Rules that an infeasible guest cannot meet, where the answer names them."""
    kinds: int
    variables: int
    rows: int
    stages: int
    ms: dict[str, float]
    cpu_ms: float
    guest_ms: float
    trivial_ms: float
    trivial_cpu_ms: float
    ratio: dict[str, float]
    greedy: dict[str, Any]
    boolean: dict[str, Any] | None
    repeat: int
    versions: dict[str, str]

    @property
    def key(self) -> tuple[str, int]:
        return self.family, self.size

    def line(self) -> str:
        return json.dumps(asdict(self))


def read(path: Path) -> list[Record]:
    """The records of a result file, in its order. Raises TypeError for lines of another shape."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Record(**json.loads(line)) for line in lines if line.strip()]


def one_a_key(records: Iterable[Record]) -> dict[tuple[str, int], Record]:
    """By family and size; the last line of a key counts."""
    return {record.key: record for record in records}
