"""``python -m tests.published FOLDER --bounds WEST SOUTH EAST NORTH --years FIRST-LAST [--entries NAME ...]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.published.write import write_published


def main() -> None:
    """Write the files and say what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.published", description=write_published.__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bounds", type=float, nargs=4, required=True, metavar=("W", "S", "E", "N"))
    parser.add_argument("--years", required=True, metavar="FIRST-LAST")
    parser.add_argument("--entries", nargs="*", metavar="NAME")
    given = parser.parse_args()
    first, _, last = given.years.partition("-")
    years = range(int(first), int(last or first) + 1)
    for name in write_published(given.folder, tuple(given.bounds), years, given.entries):
        print(name)


if __name__ == "__main__":
    main()
