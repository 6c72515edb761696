"""Unit conversion, on pint, with the spellings that soil and climate people use.

A monthly or yearly total is a rate here (``mm/month``): 12 equal months, as RothC has them.
"""

from __future__ import annotations

import re
from functools import cache

import pint

#: Carbon stock of the paper and of the whole program. 1 kg/m2 = 10 t/ha.
STOCK_UNIT = "kg/m2"

# How units are written on axes, in tags and legends.
STOCK_LABELS = {"kg/m2": "kg C m-2", "t/ha": "t C ha-1"}


@cache
def _registry() -> pint.UnitRegistry:
    registry = pint.UnitRegistry(autoconvert_offset_to_baseunit=True, cache_folder=None)
    registry.define("@alias percent = pct")
    registry.define("ratio = [] = ratio")
    # RothC and the climate products count twelve equal months in a year.
    registry.define("month = year / 12 = mo")
    return registry


def _spelling(unit: str) -> str:
    text = str(unit).strip().replace("%", "percent").replace("°C", "degC").replace("°", "degree")
    text = text.replace("²", "2").replace("³", "3").replace("·", " ")
    text = re.sub(r"\b(kg|g|t|mg)\s*C\b", r"\1", text)  # "kg C/m2": mass of carbon
    text = re.sub(r"^([0-9.]+)\s+(.*)$", r"\1 * \2", text)  # "0.1 mm"
    return re.sub(r"\b([A-Za-z]+)(-?[1-9])\b", r"\1**\2", text)  # m2, m-2


@cache
def parse_unit(unit: str):
    """A pint quantity of one `unit`.

    Parameters
    ----------
    unit : str
        As people write it: ``g/kg``, ``%``, ``degC``, ``K``, ``0.1 mm/month``, ``kg C m-2``, ``t/ha``.

    Returns
    -------
    pint.Quantity
        One of that unit (or ten of it, for ``10 m``).

    Raises
    ------
    ValueError
        If the text is no unit.

    Examples
    --------
    >>> str(parse_unit("g/kg").units)
    'gram / kilogram'
    """
    text = _spelling(unit)
    registry = _registry()
    try:
        if text in ("", "1", "-"):
            return registry.Quantity(1.0, "dimensionless")
        if text in ("degC", "celsius", "degree_Celsius", "K", "kelvin", "degF"):
            return registry.Quantity(1.0, registry.Unit(text))
        parsed = registry.parse_expression(text)
        return parsed if isinstance(parsed, registry.Quantity) else registry.Quantity(float(parsed), "")
    except Exception as error:  # pint raises a different class for each way a text can be no unit
        raise ValueError(f"{unit!r} is not a unit that can be read") from error


@cache
def conversion(unit: str, target: str) -> tuple[float, float]:
    """Factor and offset that turn values of `unit` into `target`: ``value * factor + offset``.

    Parameters
    ----------
    unit, target : str
        See `parse_unit`.

    Returns
    -------
    factor, offset : float

    Raises
    ------
    ValueError
        If one of them is no unit, or if they do not measure the same thing.

    Examples
    --------
    >>> conversion("K", "degC")
    (1.0, -273.15)
    >>> conversion("g/kg", "%")
    (0.1, 0.0)
    >>> conversion("kg/m2", "t/ha")
    (10.0, 0.0)
    """
    source, goal = parse_unit(unit), parse_unit(target)
    if not source.is_compatible_with(goal):
        raise ValueError(f"{unit!r} cannot be converted to {target!r}: they measure different things")
    try:
        registry = _registry()
        zero = registry.Quantity(0.0, source.units).to(goal.units).magnitude
        one = registry.Quantity(source.magnitude, source.units).to(goal.units).magnitude
    except Exception as error:
        raise ValueError(f"{unit!r} cannot be converted to {target!r}") from error
    factor = (one - zero) / goal.magnitude
    return float(f"{factor:.15g}"), float(f"{zero / goal.magnitude:.12g}")


def stock_factor(unit: str) -> float:
    """What turns kg/m2 into `unit` (``kg/m2`` or ``t/ha``).

    Examples
    --------
    >>> stock_factor("t/ha")
    10.0
    """
    return conversion(STOCK_UNIT, unit)[0]
