"""What a file says of its own unit, held against the catalog entry: both are right, or nothing is read."""

from __future__ import annotations

from poml_map.catalog import Entry, Source
from poml_map.errors import Problem
from poml_map.expression import evaluate
from poml_map.units import conversion, other_unit, yearly_conversion


def unit_problem(source: Source, said: str, where: str, shown: str) -> Problem | None:
    """The problem of a file whose own unit is another one than the entry declares.

    Parameters
    ----------
    source : Source
    said : str
        The attribute ``units`` of a variable, or the unit of a band; empty if the file says nothing.
    where : str
        Variable or band, for the message.
    shown : str
        The file as the user would write it.

    Returns
    -------
    Problem or None
        None also where the text is no unit ("NDVI"), where the entry has a `scale:` or `offset:` of its own, as the
        file is not believed about its packing then, and where an `expression:` makes another quantity of the variables.
    """
    entry = source.entry
    if not (said.strip() and entry.unit and _is_same_quantity(entry)):
        return None
    other = other_unit(said, entry.unit, entry.cube_unit)
    if not other:
        return None
    quoted = f'"{other}"' if other in ("%", "1") else other
    right = f"declare `unit: {quoted}`" if _is_of(other, entry.cube_unit) else "name another variable or file"
    mend = (
        f"If the file is right, {right}; if it is wrong about itself, write `scale: 1` too: then its own packing and "
        "unit are not believed."
    )
    return source.problem(
        f"the file's own unit {said!r}", f"{entry.unit!r}, as the entry declares", mend, where, shown
    )


def _is_of(unit: str, target: str) -> bool:
    """Whether the entry could declare the unit at all."""
    try:
        (yearly_conversion if target.endswith("/year") else conversion)(unit, target)
    except ValueError:
        return False
    return True


def _is_same_quantity(entry: Entry) -> bool:
    """Whether the numbers in the file are in the unit that the entry declares: not scaled by it, at most averaged."""
    if entry.scale is not None or entry.offset is not None:
        return False
    if not entry.expression:
        return True
    names = entry.variables or [entry.variable or ""]
    try:
        ends = [
            float(evaluate(entry.expression, dict.fromkeys(names, number))) for number in (0.0, 1.0, 100.0)
        ]
    except (ArithmeticError, ValueError):
        return False
    return all(
        abs(found - number) < 1e-9 * max(number, 1)
        for found, number in zip(ends, (0.0, 1.0, 100.0), strict=True)
    )
