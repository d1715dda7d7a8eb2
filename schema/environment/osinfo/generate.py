"""Writes `table.json` from an osinfo-db.

python -m qslot.schema.environment.osinfo.generate [--osinfo-dir DIR] [-o FILE]
"""

import argparse
import json
from pathlib import Path

from .databases import INSTALLED
from .read import read_osinfo, version_of

TABLE = Path(__file__).with_name("table.json")


def text(folder: Path) -> str:
    """An OS a line, sorted. Raises OsinfoError."""
    rows = read_osinfo(folder)
    lines = ",\n".join(json.dumps(rows[name], ensure_ascii=False, separators=(",", ":")) for name in sorted(rows))
    return f'{{"source": "osinfo-db {version_of(folder)}", "oses": [\n{lines}\n]}}\n'


def main() -> None:
    """The command: reads an osinfo-db and writes the table."""
    parser = argparse.ArgumentParser(prog="python -m qslot.schema.environment.osinfo.generate", description=__doc__)
    parser.add_argument("--osinfo-dir", type=Path, default=INSTALLED, metavar="DIR", help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, default=TABLE, metavar="FILE", help="default: the package's own")
    options = parser.parse_args()
    options.output.write_text(text(options.osinfo_dir), encoding="utf-8")


if __name__ == "__main__":
    main()
