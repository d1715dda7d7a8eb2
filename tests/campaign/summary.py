"""What came of a campaign."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from .judge import Record, is_bad


def read(path: Path) -> dict[int, Record]:
    """Records by seed; a line that was cut off by the end of a process is left out."""
    result = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        result[record["seed"]] = record
    return result


def table(records: Iterable[Record]) -> Iterator[str]:
    """Counts, shares of features, then whatever is bad, each with its request."""
    known = sorted(records, key=lambda record: int(record["seed"]))
    if not known:
        yield "no guests"
        return
    yield f"{len(known)} guests, seeds {known[0]['seed']} to {known[-1]['seed']}"
    yield _counts("status", Counter(record["status"] for record in known))
    small = [record for record in known if record["devices"] <= 8]
    yield _counts(f"of them up to 8 devices ({len(small)})", Counter(record["status"] for record in small))
    for name in sorted({name for record in known for name in record["opinions"]}):
        verdicts = (record["opinions"][name] for record in known if name in record["opinions"])
        yield _counts(
            name, Counter(verdict.split(": ")[0] if "n/a" not in verdict else verdict for verdict in verdicts)
        )
    seconds = sorted(float(record["seconds"]) for record in known)
    yield f"CPU seconds: median {seconds[len(seconds) // 2]}, most {seconds[-1]}, all {sum(seconds):.0f}"
    features = Counter(feature for record in known for feature in record["features"])
    yield from (f"{count / len(known):6.1%} {feature}" for feature, count in features.most_common())
    yield from (json.dumps(record) for record in known if is_bad(record))


def _counts(name: str, counts: Counter[str]) -> str:
    return f"{name}: " + ", ".join(f"{key} {count}" for key, count in counts.most_common())


def _kind(verdict: str) -> str:
    """Why it could not judge, but not what it disagrees about."""
    return verdict if verdict.startswith("n/a") else verdict.partition(":")[0]
