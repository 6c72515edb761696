"""What the text of a catalog entry alone shows to be wrong, beyond the type of each key."""

from __future__ import annotations

import string
from collections.abc import Callable

from poml_map.catalog_entry import CLASS_METHODS, CLASS_ROLES, Entry
from poml_map.catalog_fetch_checks import check_fetch
from poml_map.errors import Problem
from poml_map.expression import check_expression
from poml_map.paths import is_local
from poml_map.units import is_nitrogen, parse_unit
from poml_map.yamlfile import Document

Add = Callable[..., None]

# Roles whose amounts are carbon.
_CARBON_ROLES = ("npp", "manure", "stock")
_URI_FIELDS = {"variable", "year", "month", "half", "fortnight"}


def entry_problems(name: str, entry: Entry, document: Document) -> list[Problem]:
    """All problems of one entry.

    Parameters
    ----------
    name : str
        Its key below `sources:`.
    entry : Entry
    document : Document
        The catalog it stands in, for line numbers.
    """
    problems: list[Problem] = []

    def add(key: str, found: str, expected: str = "", mend: str = "") -> None:
        problems.append(document.problem(("sources", name, *key.split(".")), found, expected, mend))

    _check_uri(entry, add)
    _check_meaning(entry, add)
    _check_years(entry, add)
    _check_expression(entry, add)
    _check_driver(entry, add)
    _check_halves(entry, add)
    check_fetch(entry, add)
    if entry.role == "land_use":
        _check_classes(entry, add)
    elif entry.role not in CLASS_ROLES:
        _check_unit(entry, add)
    return problems


def _check_uri(entry: Entry, add: Add) -> None:
    if not entry.uri:
        if entry.driver != "constant":
            add("uri", "nothing", "a path below the catalog's root", "For example `uri: dem.tif`.")
        return
    mend = "Use {variable}, {year}, {month}, {half} and {fortnight} as they stand, no others."
    try:
        parts = list(string.Formatter().parse(entry.uri))
    except ValueError:
        add("uri", repr(entry.uri), "braces in pairs", mend)
        return
    fields = [part[1:] for part in parts if part[1] is not None]
    wrong = [name for name, form, change in fields if name not in _URI_FIELDS or form or change]
    if wrong:
        add("uri", f"{entry.uri!r}", "no other field in braces", mend)
    if not is_local(entry.uri):
        mend = "Bring the file to a folder of yours; `fetch: {url: ...}` lets `poml-map fetch` do it."
        add("uri", repr(entry.uri), "the path of a local file", mend)


def _check_meaning(entry: Entry, add: Add) -> None:
    if entry.role == "covariate" and not entry.column:
        add("column", "nothing", "a name for the covariate", "For example `column: TWI`.")
    if entry.role == "mask" and not entry.classes:
        add("classes", "nothing", "the classes that are mapped", "For example `classes: [1]`.")
    if entry.derive and entry.role != "elevation":
        add("derive", str(entry.derive), "only with role elevation", "Remove it.")
    if entry.scale == 0:
        add("scale", "0", "what the stored numbers are multiplied by", "Remove it if they are not scaled.")
    if entry.valid_range and entry.valid_range[0] >= entry.valid_range[1]:
        add("valid_range", str(entry.valid_range), "[LOWEST, HIGHEST] with LOWEST < HIGHEST")


def _check_years(entry: Entry, add: Add) -> None:
    mend = "For example `years: [1982, 2000]`."
    if entry.years and entry.years[0] > entry.years[1]:
        add("years", str(entry.years), "[FIRST, LAST] with FIRST not after LAST", mend)
    elif entry.years is None and entry.steps_in_time != "static" and entry.driver != "constant":
        add("years", "nothing", "[FIRST, LAST], the years that the source covers", mend)


def _check_expression(entry: Entry, add: Add) -> None:
    example = "For example `expression: (tmin + tmax) / 2`."
    if not entry.expression:
        if len(entry.variables) > 1:
            add("expression", "nothing", "how the variables become one", example)
        return
    try:
        check_expression(entry.expression, entry.variables or [entry.variable or ""])
    except ValueError as error:
        add("expression", str(error), "", example)


def _check_driver(entry: Entry, add: Add) -> None:
    if entry.driver == "table":
        for key in ["year", "value", *(["key"] if entry.zones else [])]:
            if not isinstance(getattr(entry, key), str):
                found = str(getattr(entry, key) or "nothing")
                add(key, found, "the name of a column of the table", f"For example `{key}: {key}`.")
    elif entry.driver == "vector" and entry.role == "zones" and not entry.key:
        add("key", "nothing", "the column that names each zone", "For example `key: code`.")
    elif entry.driver in ("netcdf", "zarr") and not (entry.variable or entry.variables):
        add("variable", "nothing", "the variable's name in the file", "For example `variable: ppt`.")


def _check_halves(entry: Entry, add: Add) -> None:
    """Files of half a year or half a month, and several maps of one month: all of them of monthly values only."""
    monthly = entry.steps_in_time == "monthly"
    arrays = entry.driver in ("netcdf", "zarr") and monthly
    if "{half}" in entry.uri and not (arrays and "{year}" in entry.uri and "{month}" not in entry.uri):
        expected = "{half} beside {year}, without {month}, of monthly values with driver netcdf or zarr"
        add("uri", repr(entry.uri), expected)
    halves = entry.driver == "raster" and monthly and "{fortnight}" in entry.uri
    if "{fortnight}" in entry.uri and not (halves and "{year}" in entry.uri and "{month}" in entry.uri):
        add(
            "uri",
            repr(entry.uri),
            "{fortnight} beside {year} and {month}, of monthly values with driver raster",
        )
    elif halves and not entry.in_month:
        mend = "For example `in_month: max`, as maximum value composites do."
        add("in_month", "nothing", "what becomes of the two maps of a month", mend)
    if entry.in_month and not (arrays or halves):
        expected = "only with monthly values, of driver netcdf or zarr or with {fortnight} in the uri"
        add("in_month", entry.in_month, expected, "Remove it.")


def _check_classes(entry: Entry, add: Add) -> None:
    if entry.method not in CLASS_METHODS:
        mend = "Remove it, or write nearest or mode: between class 1 and class 3 lies no class 2."
        add("resampling", entry.method, "none that makes new classes", mend)
    if entry.unit not in (None, "1"):
        add("unit", repr(entry.unit), 'none, or "1": classes measure nothing', "Remove it.")
    elif entry.driver == "constant":
        _check_constant(entry, add)
        if isinstance(entry.value, float) and not entry.value.is_integer():
            add("value", f"{entry.value:g}", "a whole number: a class", "For example `value: 1`.")


def _check_unit(entry: Entry, add: Add) -> None:
    if entry.unit is None:
        mend = f"For example `unit: {_quoted(entry.cube_unit)}`; units are never guessed."
        add("unit", "nothing", "the unit of the values in the file", mend)
        return
    try:
        parse_unit(entry.unit)
        entry.unit_conversion()
    except ValueError as error:
        add("unit", repr(entry.unit), f"a unit that becomes {entry.cube_unit}", f"{_sentence(str(error))}.")
    else:
        if entry.role in _CARBON_ROLES and is_nitrogen(entry.unit):
            mend = (
                "Multiply by the C/N ratio, with `scale:` or in the table, and write the unit of the carbon."
            )
            add("unit", repr(entry.unit), "carbon, not nitrogen", mend)
        if entry.driver == "constant":
            _check_constant(entry, add)


def _check_constant(entry: Entry, add: Add) -> None:
    values = entry.value if isinstance(entry.value, list) else [entry.value]
    numbers = [value for value in values if isinstance(value, (int, float))]
    monthly = entry.steps_in_time == "monthly"
    if len(numbers) != len(values) or len(values) not in (1, 12):
        add("value", str(entry.value), "one number, or twelve for the months", "For example `value: 28`.")
        return
    if len(values) == 12 and not monthly:
        add("value", "twelve numbers", "one number: this role has no months")
    factor, offset = entry.unit_conversion()
    low, high = entry.physical_range
    for number in numbers:
        if not low <= number * factor + offset <= high:
            found = f"{number:g} {entry.unit or ''}".strip()
            add("value", found, f"{low:g} to {high:g} {entry.cube_unit}", "Check the value and `unit:`.")


def _quoted(unit: str) -> str:
    return f'"{unit}"' if unit in ("%", "1") else unit


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
