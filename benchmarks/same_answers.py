"""Whether two checkouts answer alike: examples, scenarios, libvirt's corpus where it is there, and random guests.

    python -m benchmarks.same_answers OLD NEW [--guests N] [--explained N]

OLD and NEW are folders of checkouts, each with its own `.venv`. The requests are those of this checkout. Answers may
differ in the request's hash, in versions, in the names of fields that `RENAMED` lists, and in the form of conflicts,
which were findings once. Exit code 1 if any differs.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from qslot.schema.formats.files import read_request
from qslot.testing.generator import request

ROOT: Final = Path(__file__).parents[1]
CORPUS: Final = ROOT.parent / "shared" / "corpus" / "libvirt" / "positive"
RENAMED: Final = {"numbers": "details", "breaks": "broken_rule"}
"""Old names of fields, and what they are called now."""
IGNORED: Final = ("input_sha256", "versions")
FIRST_SEED: Final = 500_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar="CHECKOUT")
    parser.add_argument("--guests", type=int, default=2000, help="random ones (default: %(default)s)")
    parser.add_argument("--explained", type=int, default=200, help="infeasible ones explained (default: %(default)s)")
    given = parser.parse_args()
    asked = [*_files(), *_random(given.guests)]
    old, new = _both(given.checkouts, asked)
    infeasible = [one for one in asked if old[one["name"]]["kind"] == "infeasible"][: given.explained]
    explained = [{**one, "name": f"why {one['name']}", "explain": True} for one in infeasible]
    old_reasons, new_reasons = _both(given.checkouts, explained)
    old, new = old | old_reasons, new | new_reasons
    differing = [name for name in old if old[name] != new[name] and None not in (old[name]["kind"], new[name]["kind"])]
    for name in differing:
        print(f"{name}:\n  {json.dumps(old[name])}\n  {json.dumps(new[name])}")
    late = sum(None in (old[name]["kind"], new[name]["kind"]) for name in old)
    print(f"{len(asked)} requests, {len(explained)} explanations: {len(differing)} differ, {late} not answered in time")
    return int(bool(differing))


def _files() -> Iterator[dict[str, Any]]:
    for path in (*sorted((ROOT / "examples").iterdir()), *_corpus()):
        try:
            yield {"name": path.name, "request": read_request(path)[0].model_dump(mode="json")}
        except ValueError:
            continue  # no request, or one that qslot refuses


def _corpus() -> list[Path]:
    """Those that may be looked at: the other two fifths judge us."""
    found = sorted(CORPUS.glob("*.xml")) if CORPUS.is_dir() else []
    return [path for path in found if int(sha256(path.stem.encode()).hexdigest(), 16) % 5 >= 2]


def _random(number: int) -> Iterator[dict[str, Any]]:
    for seed in range(FIRST_SEED, FIRST_SEED + number):
        yield {"name": f"seed {seed}", "request": request(seed)}


def _both(checkouts: list[Path], asked: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Answers by name, of two checkouts side by side."""
    text = "\n".join(map(json.dumps, asked))
    runs = [
        subprocess.Popen(
            [folder.resolve() / ".venv" / "bin" / "python", ROOT / "benchmarks" / "answers.py"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for folder in checkouts
    ]

    with ThreadPoolExecutor() as pool:
        old, new = pool.map(lambda run: _answers(run.communicate(text)[0]), runs)
    return old, new


def _answers(text: str) -> dict[str, Any]:
    return {one["name"]: one for one in map(_plain, map(json.loads, text.splitlines()))}


def _without_conflict(answer: dict[str, Any]) -> dict[str, Any]:
    """An infeasible answer, or a change of a remedy, as it was when conflicts were lists of findings."""
    if "one_of_several" in answer:
        return {name: value for name, value in answer.items() if name not in ("one_of_several", "model")}
    if "conflict" not in answer:
        return answer
    conflict = answer["conflict"] or {"broken_rule": "", "minimal": False}
    findings = [one for fact in conflict.pop("facts", ()) for one in _findings(fact, answer["findings"])]
    rest = {name: value for name, value in answer.items() if name != "conflict"}
    return {**rest, **conflict, "findings": findings or answer["findings"]}


def _findings(fact: dict[str, Any], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if fact["whose"] == "platform":
        return [one for one in known if one["rule"] == fact["rule"]]
    numbers = {"least": fact["least"], "of": fact["count"]} if fact["count"] > 1 else {}
    value = {} if fact["value"] is None else {"value": fact["value"]}
    details = {**numbers, **value}
    return [{"rule": fact["rule"], "severity": "error", "subjects": fact["subjects"], "details": details}]


def _plain(value: Any) -> Any:
    """Without what may differ, under the names of today."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        value = _without_conflict(value)
        return {RENAMED.get(name, name): _plain(one) for name, one in value.items() if name not in IGNORED}
    return value


if __name__ == "__main__":
    sys.exit(main())
