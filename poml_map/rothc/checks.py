"""Refusals of the RothC functions: which argument, where, what was found, what is expected, how to mend it.

Every function returns its argument as a float64 array. NaN means "missing" and always passes.
"""

from __future__ import annotations

import contextlib
import contextvars

import numpy as np

from .params import MONTHS_PER_YEAR

WETTEST_MONTH = 20_000.0
"""Twice the rain of the wettest month ever recorded; above it stand no-data values and wrong scales. [mm]"""

_part_of_map = contextvars.ContextVar("part_of_map", default=False)


@contextlib.contextmanager
def part_of_map():
    """Inside this block clay at or below 1 % everywhere is pure sand, not a fraction of 1 given by mistake.

    For the tiles of a map: a tile of a desert may hold nothing above 1 %, while its whole map does.

    Examples
    --------
    >>> from poml_map import rothc
    >>> with rothc.part_of_map():
    ...     rothc.weihermueller([4.0, 4.0], [0.4, 0.9]).sum(axis=0).round(4)
    array([3.6727, 3.6727])
    """
    token = _part_of_map.set(True)
    try:
        yield
    finally:
        _part_of_map.reset(token)


def _place(name, bad):
    """``name[3, 7]`` of the first True of `bad`, and its index as a tuple."""
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    text = f"[{', '.join(str(int(i)) for i in index)}]" if index else ""
    return f"{name}{text}", index


def refuse(name, values, bad, expected, mend):
    """Raise ValueError for the first value that `bad` marks; return nothing if there is none."""
    if not np.any(bad):
        return
    place, index = _place(name, bad)
    count = int(np.count_nonzero(bad))
    more = f" ({count} such values)" if count > 1 else ""
    raise ValueError(f"{place} is {values[index]:.6g}{more}, expected {expected}. Mend: {mend}.")


def in_range(name, values, low, high, unit, mend):
    """`values` as float64, refused if one lies outside [low, high] or is infinite.

    Examples
    --------
    >>> in_range("cover", [0.0, 1.5], 0, 1, "1", "give fractions")
    Traceback (most recent call last):
    ...
    ValueError: cover[1] is 1.5, expected 0 to 1 [1]. Mend: give fractions.
    """
    values = numbers(name, values)
    # Two reductions, which pass over NaN, see that all is well; places of bad values are looked for only if it is not.
    if values.size:
        largest = np.fmax.reduce(values, axis=None)
        if low <= np.fmin.reduce(values, axis=None) and largest <= high and largest < np.inf:
            return values
    bad = (values < low) | (values > high) | np.isinf(values)
    refuse(name, values, bad, f"{_range(low, high)} [{unit}]", mend)
    return values


def _range(low, high):
    if np.isfinite(low) and np.isfinite(high):
        return f"{low:g} to {high:g}"
    return f"a finite number from {low:g}" if np.isfinite(low) else f"a finite number up to {high:g}"


def numbers(name, values):
    """`values` as float64, refused if they are no numbers."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {values!r}, expected numbers. Mend: give an array of numbers.") from None


def not_negative(name, values, unit):
    """`values` as float64, refused if one is negative or infinite."""
    return in_range(name, values, 0.0, np.inf, unit, f"correct or mask the values of {name}")


def rain(name, values):
    """Monthly rain as float64 [mm], refused below 0 or above any month on record."""
    return in_range(name, values, 0.0, WETTEST_MONTH, "mm", f"correct or mask the values of {name}")


def evaporation(name, values):
    """Monthly evaporation as float64 [mm], refused below what dew and measurement error explain."""
    return in_range(name, values, -50.0, WETTEST_MONTH, "mm", f"correct or mask the values of {name}")


def clay_range(clay):
    """Clay content as float64 [%], refused outside 0-100."""
    return in_range("clay", clay, 0.0, 100.0, "%", "give clay in percent (g/kg divided by 10)")


def percent_clay(clay):
    """As `clay_range`, and refused when all values together look like fractions of 1, see `part_of_map`."""
    clay = clay_range(clay)
    if _part_of_map.get() or clay.size == 0:
        return clay
    largest = np.fmax.reduce(clay, axis=None)
    if 0.0 < largest <= 1.0:
        place, index = _place("clay", clay == largest)
        raise ValueError(
            f"{place} is {clay[index]:.6g}, the largest of all, which looks like a fraction, expected 0 to 100 "
            "[%]. Mend: give clay in percent (a fraction times 100); for pure sand use `part_of_map`."
        )
    return clay


def celsius(air_temp, name="air_temp"):
    """Monthly mean air temperature as float64 [degC], refused outside -90 to 60."""
    mend = "subtract 273.15 if it is in kelvin; mask no-data values"
    return in_range(name, air_temp, -90.0, 60.0, "degC", mend)


def topsoil_depth(depth_cm):
    """Sampling depth as a float [cm], refused outside 1-300."""
    return float(
        in_range("depth_cm", depth_cm, 1.0, 300.0, "cm", "give the depth in centimetres, not metres")
    )


def fraction(name, values):
    """`values` as float64, refused outside 0-1."""
    return in_range(
        name, values, 0.0, 1.0, "1", f"give {name} as a fraction from 0 to 1 (percent divided by 100)"
    )


def ndvi(name, values):
    """`values` as float64, refused outside -1 to 1."""
    mend = "apply the scale factor of the product and mask no-data values"
    return in_range(name, values, -1.0, 1.0, "1", mend)


def pool_array(name, pools):
    """Pools (4, ...) as float64, refused if axis 0 is not the four pools or a value is negative."""
    pools = not_negative(name, pools, "kg/m2")
    if pools.ndim == 0 or pools.shape[0] != 4:
        raise ValueError(
            f"{name} has shape {pools.shape}, expected (4, ...): DPM, RPM, BIO, HUM. "
            "Mend: put the pools on axis 0; inert carbon is an argument of its own."
        )
    return pools


def same_months(**series):
    """Refuse monthly arrays whose first axes differ in length; return that length."""
    lengths = {name: np.shape(values)[:1] for name, values in series.items() if values is not None}
    if () in lengths.values() or len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {np.shape(series[name])}" for name in lengths)
        raise ValueError(
            f"{', '.join(lengths)}: expected the same months on axis 0, found shapes {found}. "
            "Mend: cut the series to the same months, months first."
        )
    return next(iter(lengths.values()))[0]


def whole_years(**series):
    """Refuse monthly arrays that are not 12, 24, 36, ... months long; return each length."""
    lengths = {name: same_months(**{name: values}) for name, values in series.items() if values is not None}
    for name, months in lengths.items():
        if months == 0 or months % MONTHS_PER_YEAR:
            raise ValueError(
                f"{name} has {months} months on axis 0, expected a multiple of {MONTHS_PER_YEAR}. "
                "Mend: give whole years, the sampling month last."
            )
    return lengths


def common_shape(**shapes):
    """Shape that all `shapes` broadcast to; ValueError naming each argument if there is none."""
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(
            f"shapes per month do not fit together: {found}. Mend: give one value per site (or one for all); "
            "months come first, and a parameter axis before the sites, as in (parameters, 1)."
        ) from None


def month(name, value):
    """A month as an int, refused if it is none."""
    if not isinstance(value, (int, np.integer)) or not 1 <= value <= MONTHS_PER_YEAR:
        raise ValueError(
            f"{name} is {value!r}, expected a month from 1 to 12. Mend: 1 is January, 12 December."
        )
    return int(value)


def one_of(name, word, words):
    """Refuse a word that is none of `words`."""
    if word not in words:
        raise ValueError(f"{name} is {word!r}, expected one of {', '.join(words)}. Mend: choose one of them.")
