"""Labelled variables in the program's units, every value checked: at once in memory, chunk by chunk where lazy."""

from __future__ import annotations

import dask.array as da
import numpy as np
import xarray as xr

from poml_map.errors import InputError, Problems
from poml_map.process.months import Months
from poml_map.process.quantities import Quantity
from poml_map.process.reading import Reading, Unit

#: What to do about a series that lacks some months.
GAPS = ("refuse", "nan")


def read(
    variable: xr.DataArray,
    name: str,
    quantity: Quantity,
    problems: Problems,
    *,
    months: Months | None = None,
    series: str | None = None,
    gaps: str = "refuse",
    shown: str = "data",
) -> xr.DataArray:
    """One variable in the program's unit.

    Parameters
    ----------
    variable : xarray.DataArray
        The attribute ``units`` says what its values are in; without it they are in the unit of `quantity`.
    name : str
        As messages call it.
    quantity : Quantity
    problems : Problems
        Gets what is wrong with the type and the unit, and with values that are in memory.
    months : Months, optional
        Steps of a monthly variable: one with a dimension ``month`` is repeated every year, one without either holds
        in every month.
    series : str, optional
        Dimension in which a place has all values or none; that of `months` if there are any.
    gaps : {"refuse", "nan"}
        What to do about a series that lacks some months.
    shown : str
        Name of the Dataset in messages.

    Returns
    -------
    xarray.DataArray
        Without attributes and name. Where `variable` is lazy this is too, and values that cannot be raise
        `InputError` when they are computed.
    """
    unit = _unit(variable, name, quantity, problems, shown)
    if unit is None:
        return xr.DataArray(np.nan)
    if months is not None:
        variable, series = _along(variable, months), months.dim
    reading = Reading(
        shown=shown,
        name=name,
        quantity=quantity,
        unit=unit,
        dims=variable.dims,
        labels={dim: variable[dim].to_numpy() for dim in variable.dims if dim in variable.coords},
        factor=_by_days(unit, variable.dims, months) if unit.daily else unit.factor,
        series=series if gaps == "refuse" and series in variable.dims else None,
    )
    # A whole set of percentages at or below 1 is a set of fractions; one value or one chunk of it may not be.
    guess = unit.written is None and quantity.unit == "%"
    values = _later(variable, reading, guess) if variable.chunks else _now(variable, reading, guess, problems)
    return xr.DataArray(values, variable.coords, variable.dims)


def _unit(variable, name, quantity, problems, shown) -> Unit | None:
    if variable.dtype.kind not in "fiub":
        found = f"values of type {variable.dtype}"
        problems.add(shown, name, found, "numbers", "Convert them: .astype(float).")
        return None
    try:
        return Unit.of(variable.attrs.get("units"), quantity)
    except ValueError as error:
        place, expected = f"{name}, attribute units", f"a unit such as {quantity.unit!r}"
        problems.add(shown, place, str(error), expected, "Correct attrs['units'].")
        return None


def _along(variable: xr.DataArray, months: Months) -> xr.DataArray:
    """The variable with the dimension of `months` first and in one chunk."""
    if months.dim == "time" and "month" in variable.dims:
        of_step = xr.DataArray(months.month - 1, dims="time")
        variable = variable.isel(month=of_step).drop_vars("month", errors="ignore")
        variable = variable.assign_coords(time=months.labels)
    if months.dim not in variable.dims:
        variable = variable.expand_dims({months.dim: months.labels})
    variable = variable.transpose(months.dim, ...)
    return variable.chunk({months.dim: -1}) if variable.chunks else variable


def _by_days(unit: Unit, dims, months: Months) -> np.ndarray:
    return (unit.factor * months.days).reshape(-1, *(1,) * (len(dims) - 1))


def _now(variable, reading, guess, problems):
    written = variable.to_numpy()
    values = reading.converted(written)
    problems.extend(reading.problems(written, values, (0,) * values.ndim))
    if guess:
        problems.extend(reading.looks_like_a_fraction(_largest(values)))
    return values


def _later(variable, reading, guess):
    array = variable.data
    kept = array.dtype.kind == "f" and not reading.converts
    meta = np.empty((0,) * array.ndim, array.dtype if kept else np.float64)
    whole = [da.where(da.isnan(array), -np.inf, array).max()] if guess else []
    return da.map_blocks(_block, array, *whole, dtype=meta.dtype, meta=meta, reading=reading)


def _largest(values) -> float:
    return float(np.max(values, initial=-np.inf, where=~np.isnan(values)))


def _block(written, *largest, reading, block_info=None):
    """One chunk of a lazy variable."""
    corner = tuple(first for first, _ in block_info[0]["array-location"])
    values = reading.converted(written)
    problems = reading.problems(written, values, corner)
    for value in largest:
        problems += reading.looks_like_a_fraction(float(value))
    if problems:
        raise InputError(problems)
    return values
