"""What is wrong between the keys below `rothc:`, and between them and the columns that the sources make."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from poml_map import schema
from poml_map.catalog import CLASS_METHODS
from poml_map.errors import nearest
from poml_map.settings_rothc import CONSTANT, FactorsByClass, RatioByClass
from poml_map.units import conversion, yearly_conversion

if TYPE_CHECKING:
    from poml_map.config import Region

Add = Callable[..., None]

# How a column may lie in time -> how that is asked for.
_STATIC = ("static",)
_YEARLY_OR_STATIC = ("annual", "static")
_EXPECTED = {
    _STATIC: "a static column that one of the sources makes",
    _YEARLY_OR_STATIC: "an annual or static column that one of the sources makes",
}


def rothc_problems(region: Region, add: Add) -> None:
    """Note all problems of the process model's options.

    Parameters
    ----------
    region : poml_map.config.Region
    add : callable
        ``add(key path, found, expected, mend)`` notes one.
    """
    _check_parameters(region, add)
    _check_cover(region, add)
    _check_months(region, add)
    _check_input(region, add)
    _check_dpm_rpm(region, add)
    _check_rate_factor(region, add)
    _check_manure(region, add)
    _check_groups(region, add)
    _check_map_outputs(region, add)


def _check_parameters(region: Region, add: Add) -> None:
    rothc = region.settings.rothc
    if (rothc.mu_max is None) != (rothc.k_m is None):
        given, missing = ("mu_max", "k_m") if rothc.k_m is None else ("k_m", "mu_max")
        add(("rothc", given), f"{given} without {missing}", "both, or neither")
    if rothc.mu_max is not None and rothc.expected_change is not None:
        loc = ("rothc", "expected_change")
        add(loc, "expected_change together with mu_max", "one of them", "Remove one.")


def _check_cover(region: Region, add: Add) -> None:
    rothc = region.settings.rothc
    low, high = rothc.cover_ndvi_range
    if low >= high:
        found, expected = f"[{low:g}, {high:g}]", "[NDVI of bare soil, NDVI of full cover], the first smaller"
        add(("rothc", "cover_ndvi_range"), found, expected, "For example `cover_ndvi_range: [0.1, 0.7]`.")
    other = {"threshold": "fraction", "fraction": "threshold"}[rothc.cover]
    unused = {"threshold": "cover_ndvi_range", "fraction": "cover_ndvi"}[rothc.cover]
    if unused in rothc.model_fields_set:
        _no_effect(add, unused, f"with `cover: {rothc.cover}`", f"`cover: {other}`")


def _no_effect(add: Add, key: str, where: str, instead: str = "") -> None:
    mend = f"Remove it, or write {instead}." if instead else "Remove it."
    add(("rothc", key), f"{key}, which has no effect {where}", "only keys that count", mend)


def _check_months(region: Region, add: Add) -> None:
    rothc = region.settings.rothc
    for key in ("input_months", "manure_months"):
        weights = getattr(rothc, key)
        if isinstance(weights, list) and (min(weights) < 0 or sum(weights) <= 0):
            add(("rothc", key), str(weights), "weights from 0 that are not all 0")
    if rothc.input_months == "crop_calendar" and not rothc.crop_calendar:
        mend = "For example `crop_calendar: [{sow: 11, harvest: 5}, {sow: 6, harvest: 10}]` below `rothc:`."
        add(("rothc", "input_months"), "crop_calendar, without the crops", "a list of them", mend)
    if rothc.crop_calendar and rothc.input_months != "crop_calendar":
        _no_effect(add, "crop_calendar", "without it", "`input_months: crop_calendar` too")


def _check_column(region: Region, add: Add, loc: tuple, column: str, times: tuple) -> bool:
    """Whether the cube has the column, and at such times; if not, the problem is noted."""
    expected = _EXPECTED[times]
    if column in schema.MONTHLY:
        made = [name for name, (monthly, *_) in schema.ANNUAL_FROM_MONTHLY.items() if monthly == column]
        add(
            loc,
            f"{column}, which has months",
            expected,
            f"Write {' or '.join(made)}." if "annual" in times else "",
        )
        return False
    time = region.column_time(column)
    if time is None:
        add(loc, f"{column}, which no source makes", expected, _mend_column(region, column))
        return False
    if time not in times:
        mend = "Take one year of it as a source of its own."
        add(loc, f"{column}, which has years", expected, mend)
        return False
    return True


def _mend_column(region: Region, column: str) -> str:
    named = region.sources.get(column)
    if named is not None and named.entry.cube_column:
        return f"Write `{named.entry.cube_column}`, the column that this source makes."
    known = [source.entry.cube_column for source in region.sources.values() if source.entry.cube_column]
    return nearest(column, known) or "Add its catalog entry to `sources:`."


def _check_input(region: Region, add: Add) -> None:
    driver = region.settings.rothc.input_driver
    if driver != CONSTANT:
        _check_column(region, add, ("rothc", "input_driver"), driver, _YEARLY_OR_STATIC)


def _check_dpm_rpm(region: Region, add: Add) -> None:
    option, loc = region.settings.rothc.dpm_rpm, ("rothc", "dpm_rpm")
    if isinstance(option, RatioByClass):
        _check_class_column(region, add, (*loc, "column"), option.column)
        _check_classes(add, (*loc, "values"), option.values)
    elif isinstance(option, str) and _check_column(region, add, loc, option, _STATIC):
        if region.column_source(option).entry.role == "land_use":
            mend = f"Write `{{column: {option}, values: {{1: 1.44}}}}`, with every class."
            add(loc, f"{option}, which holds classes", "a column of ratios", mend)
        else:
            _check_unit(region, add, loc, option, "1", "dpm_rpm")


def _check_rate_factor(region: Region, add: Add) -> None:
    option, loc = region.settings.rothc.rate_factor, ("rothc", "rate_factor")
    if isinstance(option, FactorsByClass):
        _check_class_column(region, add, (*loc, "column"), option.column)
        _check_classes(add, (*loc, "values"), option.values)
        factors = {(*loc, "values", name): months for name, months in option.values.items()}
    else:
        factors = {loc: option}
    for where, months in factors.items():
        if isinstance(months, list) and not any(months):
            add(where, "twelve times 0: nothing would ever decay", "factors from 0 to 10 that are not all 0")


def _check_class_column(region: Region, add: Add, loc: tuple, column: str) -> None:
    if not _check_column(region, add, loc, column, _STATIC):
        return
    entry = region.column_source(column).entry
    if entry.driver != "constant" and entry.method not in CLASS_METHODS:
        found = f"{column}, which is resampled by {entry.method}"
        mend = "Give its entry `role: land_use`, or `resampling: nearest`: a mean of classes is no class."
        add(loc, found, "a column of classes", mend)


def _check_classes(add: Add, loc: tuple, values: dict) -> None:
    for name in values:
        if not re.fullmatch(r"[-+]?[0-9]+", name):
            add(
                (*loc, name),
                f"the class {name!r}",
                "a whole number, as the map has it",
                "For example `1: ...`.",
            )
    whole = [int(name) for name in values if re.fullmatch(r"[-+]?[0-9]+", name)]
    for number in {number for number in whole if whole.count(number) > 1}:
        add(loc, f"class {number} twice", "each class once", "Remove one.")


def _check_manure(region: Region, add: Add) -> None:
    manure, loc = region.settings.rothc.manure, ("rothc", "manure")
    if manure is None and "manure_months" in region.settings.rothc.model_fields_set:
        _no_effect(add, "manure_months", "without `manure:`", "`manure:` too")
    if manure is not None and _check_column(region, add, loc, manure, _YEARLY_OR_STATIC):
        _check_unit(region, add, loc, manure, "kg/m2/year", "manure")


def _check_unit(region: Region, add: Add, loc: tuple, column: str, unit: str, role: str) -> None:
    """A covariate keeps the unit of its file, which RothC would take for its own."""
    given = region.column_unit(column)
    try:
        same = (yearly_conversion if unit.endswith("/year") else conversion)(given, unit) == (1.0, 0.0)
    except ValueError:
        same = False
    if not same:
        mend = f"Give the entry `role: {role}`, and the unit is converted."
        add(
            loc, f"{column}, in {given}", f"a column in {unit}" if unit != "1" else "a column of ratios", mend
        )


def _check_groups(region: Region, add: Add) -> None:
    rothc = region.settings.rothc
    if rothc.groups is None:
        return
    _check_class_column(region, add, ("rothc", "groups"), rothc.groups)
    fixed = "mu_max" if rothc.mu_max is not None else "expected_change"
    if getattr(rothc, fixed) is not None:
        _no_effect(add, "groups", f"with `{fixed}:`, which counts for all")


def _check_map_outputs(region: Region, add: Add) -> None:
    outputs = region.settings.rothc.map_outputs
    for index, name in enumerate(outputs):
        if name in outputs[:index]:
            add(("rothc", "map_outputs", index), f"{name!r} twice", "each word once", "Remove one.")
