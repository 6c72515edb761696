"""Which columns hold carbon, density and stones, and in which unit: by name, else by the size of the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poml_map.init.keys import Key, quoted, unit_text
from poml_map.init.names import Named
from poml_map.init.notes import Notes
from poml_map.init.sampled import candidates
from poml_map.init.table import Table
from poml_map.tables import listed
from poml_map.yamlmodel import MISSING

_NAMES = {
    "soc": "organic carbon content",
    "stock": "organic carbon stock",
    "bulk_density": "bulk density",
    "coarse_fragments": "coarse fragments",
}
# van Bemmelen's share of carbon in organic matter; measured ones go from 0.4 to 0.6.
_CARBON_OF_MATTER = 0.58
#: Median of a column -> unit, for columns whose name has none: up to the number; None is not clear.
_BY_SIZE = {
    # Topsoils hold 3 to 60 g/kg, 0.3 to 6 %: between, either may be.
    "soc": ((3.0, "%"), (8.0, None), (100.0, "g/kg"), (600.0, None)),
    "som": ((5.0, "%"), (12.0, None), (170.0, "g/kg"), (1000.0, None)),
    # kg/m2 and t/ha differ by ten, as the soils themselves do.
    "stock": ((12.0, "kg/m2"), (25.0, None), (1000.0, "t/ha")),
    "bulk_density": (
        (0.2, None),
        (2.65, "g/cm3"),
        (20.0, None),
        (265.0, "cg/cm3"),
        (300.0, None),
        (2650.0, "kg/m3"),
    ),
    "coarse_fragments": ((100.0, "%"), (1000.0, None)),
}
#: Rows without a value up to which a column is worth more than the map.
_FEW = 0.05


@dataclass
class Measured:
    """Keys of the samples.

    Attributes
    ----------
    columns, units, others : list of Key
        Below ``samples.columns``, below ``samples.units``, and of ``samples`` itself.
    used : list of str
        Columns of the table that are read.
    depth : tuple of 2 int, optional
        Limits that the name of the carbon column tells. [cm]
    depths : str
        What several carbon columns say of several depths; empty if they do not.
    without : ndarray of bool, shape (n,)
        Rows that lack a value.
    needs_density : bool
        Whether the stock is computed from a content.
    """

    columns: list[Key] = field(default_factory=list)
    units: list[Key] = field(default_factory=list)
    others: list[Key] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    depth: tuple[int, int] | None = None
    depths: str = ""
    without: np.ndarray | None = None
    needs_density: bool = True


def find_measured(table: Table, notes: Notes) -> Measured:
    """Carbon as content or stock, then density and stones."""
    found = Measured(without=np.zeros(len(table.frame), bool))
    kind = next((each for each in ("stock", "soc", "som") if _usable(table, each)), None)
    if kind is None:
        _no_carbon(table, found, notes)
    else:
        _carbon(table, kind, found, notes)
    if found.needs_density:
        _physical(table, "bulk_density", "BD", found, notes)
        _physical(table, "coarse_fragments", "CF", found, notes)
    return found


def _usable(table: Table, meaning: str) -> list[tuple[Named, np.ndarray]]:
    pairs = [(each, table.measured(each.name)) for each in candidates(table, meaning)]
    return [(each, values) for each, values in pairs if values is not None and np.isfinite(values).any()]


def _no_carbon(table: Table, found: Measured, notes: Notes) -> None:
    why = _no_numbers(table, "stock", "soc", "som")
    if why:
        why += " Write numbers; leave empty what has no value, or write half of the limit of detection."
    else:
        others = [name for name in table.columns if table.measured(name) is not None]
        why = "no column of numbers is called like carbon, organic matter or a carbon stock. " + (
            f"Columns of numbers are {listed(others, 12)}."
            if others
            else "There is no column of numbers at all."
        )
    notes.lacks("samples.columns.soc and .units.soc", why)
    found.columns.append(Key("soc", MISSING, f"The organic carbon content (or `stock:`): {why}"))
    found.units.append(Key("soc", MISSING, "Its unit: g/kg, % ..."))


def _no_numbers(table: Table, *meanings: str) -> str:
    """Sentences about the columns that are called so, but hold other texts than numbers."""
    called = [each.name for meaning in meanings for each in candidates(table, meaning)]
    texts = [(name, table.no_number(name)) for name in called]
    return " ".join(f"'{name}' is called so, but holds {cells}." for name, cells in texts if cells)


def _carbon(table: Table, kind: str, found: Measured, notes: Notes) -> None:
    key = "stock" if kind == "stock" else "soc"
    several = _usable(table, kind)
    first, values = several[0]
    found.needs_density = key == "soc"
    wide = [each for each, _ in several if each.year]
    alike = [each for each, _ in several if each.rank == first.rank]
    if len(wide) > 1 or len(alike) > 1:
        names = listed(repr(each.name) for each, _ in several)
        why = f"{names} may be it: write one."
        if len({each.year for each in wide}) > 1:
            why = f"{names} are of several years: make one row for each site and year, with a column of the year."
        elif len({each.depth for each in alike}) > 1:
            found.depths = f"{names} are of several depths"
            why = f"{found.depths}: write the one of the topsoil, or make one column of them, weighted by thickness."
        notes.lacks(f"samples.columns.{key}", why)
        found.columns.append(Key(key, MISSING, f"The {_NAMES[key]}: {why}"))
    else:
        left = [each.name for each, _ in several[1:]]
        left += [
            each.name
            for other in ("stock", "soc", "som")
            if other != kind
            for each, _ in _usable(table, other)
        ]
        why = f"The {_NAMES[key]}" + (f"; {listed(map(repr, left))} not used." if left else ".")
        found.columns.append(Key(key, quoted(first.name), why))
        found.used.append(first.name)
        found.without |= np.isnan(values)
        unread = _no_numbers(table, "stock", "soc", "som")
        if unread:
            notes.assumes(f"samples.columns.{key}", f"'{first.name}' is taken. {unread}")
    found.depth = None if found.depths else first.depth
    found.units.append(_unit(key, kind, first, values, notes))
    if kind == "som":
        why = (
            f"'{first.name}' is organic matter; {_CARBON_OF_MATTER} of it is carbon by the usual factor (0.5 to 0.58 "
            "are in use; write 1.0 if the column is carbon after all)."
        )
        notes.assumes("samples.soc_factor", why)
        found.others.append(
            Key("soc_factor", str(_CARBON_OF_MATTER), f"Times this the content is carbon: {why}")
        )


def _unit(key: str, kind: str, column: Named, values: np.ndarray, notes: Notes) -> Key:
    """The unit of a column: from its name, from its numbers, or to be written."""
    if column.unit:
        return Key(key, unit_text(column.unit), f"The name '{column.name}' says so.")
    if column.name.lower() == "orcdrc":
        return Key(key, "g/kg", "ISRIC's name for the organic carbon content in g/kg.")
    middle, largest = float(np.nanmedian(values)), float(np.nanmax(values))
    size = f"the name '{column.name}' has no unit; half of the numbers are below {middle:.3g}, "
    size += f"the largest is {largest:.3g}"
    unit = next((unit for most, unit in _BY_SIZE[kind] if middle <= most), None)
    if kind == "coarse_fragments" and largest <= 1:
        unit = "1"
    if unit is None:
        units = listed(dict.fromkeys(unit for _, unit in _BY_SIZE[kind] if unit))
        why = f"{size}: {units} may be meant."
        notes.lacks(f"samples.units.{key}", why)
        return Key(key, MISSING, f"{why[0].upper()}{why[1:]}")
    why = f"{size}, so {unit} is meant."
    notes.assumes(f"samples.units.{key}", why)
    return Key(key, unit_text(unit), f"{why[0].upper()}{why[1:]}")


def _physical(table: Table, key: str, column: str, found: Measured, notes: Notes) -> None:
    """Density or stones: a column that is nearly complete, else the map."""
    several = _usable(table, key)
    several.sort(key=lambda pair: pair[0].depth != found.depth)
    for name, values in several:
        empty = np.isnan(values)
        if empty.mean() <= _FEW:
            left = [each.name for each, _ in several if each is not name]
            if left:
                notes.assumes(
                    f"samples.{key}", f"'{name.name}' is taken; {listed(map(repr, left))} not used."
                )
            found.columns.append(Key(key, quoted(name.name), f"The {_NAMES[key]}, as measured."))
            found.units.append(_unit(key, key, name, values, notes))
            found.used.append(name.name)
            found.without |= empty
            return
    why = f"taken from the soil map ({column}, SoilGrids), the same in every year: "
    if several:
        name, values = several[0]
        why += f"'{name.name}' has no value in {np.isnan(values).mean():.0%} of the rows. "
    else:
        why += f"{_no_numbers(table, key) or 'the table has none.'} "
    why += (
        "A number holds everywhere: 1.3 (g/cm3)."
        if column == "BD"
        else "A number holds everywhere: 0 (no stones)."
    )
    notes.assumes(f"samples.{key}", why)
    found.others.append(Key(key, column, f"The {_NAMES[key]}, {why}"))
