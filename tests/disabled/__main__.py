"""The command; see the package."""

import sys

from . import caught


def main(rules: list[str]) -> int:
    """Prints a line a rule."""
    missed = 0
    for rule in rules or caught.CODES:
        encoder = caught.failing_trio(rule)
        checker = caught.failing_case(rule)
        missed += (encoder is None) + (checker is None)
        print(f"{rule}: encoder {encoder or 'MISSED'}; checker {checker or 'MISSED'}", flush=True)  # noqa: T201
    print(f"{missed} missed")  # noqa: T201
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
