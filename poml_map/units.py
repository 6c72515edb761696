"""Unit conversion, on pint, with the spellings that soil and climate people use.

A monthly or yearly total is a rate here (``mm/month``): 12 equal months, as RothC has them.
"""

from __future__ import annotations

import math
import re
from functools import cache

import pint

#: Carbon stock of the paper and of the whole program. 1 kg/m2 = 10 t/ha.
STOCK_UNIT = "kg/m2"

# What a file says that knows nothing, or "degC*10" of numbers that were multiplied: neither is a unit of the numbers.
_SAYS_NOTHING = re.compile(r"(?i)-|none|dimensionless|unitless|index|.*[^*][*x×]\s*\d+")

# How units are written on axes, in tags and legends.
STOCK_LABELS = {"kg/m2": "kg C m-2", "t/ha": "t C ha-1"}

# pint computes what it reads: signs that units do not need and long powers are refused before it sees them.
_MOST_LETTERS = 60
_ALLOWED = re.compile(r"[\w %°‰℃²³⁻¹·./*^()+-]*")
_LONG_POWER = re.compile(r"\*\*\s*-?(?!-?[1-9](?![\d*.^]))")

_PERIODS = ("second", "minute", "hour", "day", "week", "month", "year")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻·", "0123456789- ")
_NUMBER = r"[0-9.]+(?:[eE][-+]?[0-9]+)?"
_ELEMENT = r"\b(kg|g|t|mg|cg|dg|Mg|Gg|Tg)[\s*_]*([CN])\b"
# Applied in this order to what the user wrote.
_SPELLINGS = [
    (r"(?i)\b(?:vol|volume|wt|weight|mass)[\s.-]*%", "%"),
    (r"(?i)%\s*(?:\(?[vwm]/[vwm]\)?|(?:by )?(?:vol|volume|weight|mass)\.?)$", "%"),
    (r"(?i)^(?:per ?cent|percentage)$", "%"),
    (r"(?i)^(?:m|met(?:er|re)s?)(?:\s*\(?a\.?m?\.?s\.?l\.?\)?)?$", "m"),  # "m a.s.l." is a height
    (r"(?i)^(?:fraction|ratio|unitless|index|none|-)?$", "1"),
    # "C" alone is coulomb to pint, a temperature to everybody here.
    (rf"(?i)^({_NUMBER})?\s*(?:(?:°|deg(?:ree)?s?[ _]*)?(?:c|celsius)|℃)$", r"\1 degC"),
    (rf"(?i)^({_NUMBER})?\s*kelvins?$", r"\1 K"),
    (_ELEMENT, r"\1"),  # "kg C/m2", "kg N/ha", "kg*C/m^2": mass of the element
    ("%", " percent "),
    ("°", "degree"),
    (r"\^", "**"),
    (rf"/\s*({_NUMBER})\s*([A-Za-z])", r"/\1/\2"),  # "g/100g"
    (rf"^\s*((?>{_NUMBER}))\s*(?=[A-Za-z])", r"\1 * "),  # "0.1 mm"; "1e-4" stays one number
    (r"\b([A-Za-z]+)(-?[1-9])\b", r"\1**\2"),  # "m2", "m-2"
]


@cache
def _registry() -> pint.UnitRegistry:
    registry = pint.UnitRegistry(autoconvert_offset_to_baseunit=True, cache_folder=None)
    registry.define("@alias percent = pct")
    # pint's month is a twelfth of a year, as RothC and the climate products count it.
    registry.define("@alias month = mo = mon")
    registry.define("@alias year = y")
    registry.define("mu = hectare / 15")  # area in Chinese statistics
    return registry


def _spelling(unit: str) -> str:
    text = str(unit).strip().translate(_SUPERSCRIPTS)
    for pattern, replacement in _SPELLINGS:
        text = re.sub(pattern, replacement, text).strip()
    return text


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
        If the text is no unit, or the number before it is not above 0.

    Examples
    --------
    >>> str(parse_unit("g/kg").units)
    'gram / kilogram'
    """
    wrong = ValueError(f"{unit!r} is not a unit that can be read")
    text = _spelling(unit)
    if len(text) > _MOST_LETTERS or not _ALLOWED.fullmatch(str(unit)) or _LONG_POWER.search(text):
        raise wrong
    registry = _registry()
    scaled = re.fullmatch(rf"(?:({_NUMBER})\s*\*\s*)?(degC|K|degF)", text)
    try:
        if scaled:  # temperatures have an offset: pint cannot multiply them
            quantity = registry.Quantity(float(scaled[1] or 1), registry.Unit(scaled[2]))
        else:
            quantity = registry.Quantity(registry.parse_expression(text))
    except Exception as error:  # pint raises a different class for each way a text can be no unit
        raise wrong from error
    if not 0 < float(quantity.magnitude) < math.inf:
        raise wrong
    return quantity


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
        If one of them is no unit, or if they do not measure the same thing. A slope in percent is no angle:
        100 % are 45 degrees, and no factor makes them so.

    Examples
    --------
    >>> conversion("K", "degC")
    (1.0, -273.15)
    >>> conversion("g/kg", "%")
    (0.1, 0.0)
    >>> conversion("kg/m2", "t/ha")
    (10.0, 0.0)
    """
    source, goal = _as_depth(parse_unit(unit), parse_unit(target)), parse_unit(target)
    if not _comparable(source, goal):
        hint = _period_hint(unit, source, goal)
        raise ValueError(f"{unit!r} cannot be converted to {target!r}: they measure different things{hint}")
    registry = _registry()

    def converted(number: float) -> float:
        return registry.Quantity(number, source.units).to(goal.units).magnitude

    zero = converted(0.0)
    # Between two far values, so that the offset of a temperature leaves no rounding in the factor.
    step = 1e9 if zero else 1.0
    factor = (converted(step) - zero) / step * source.magnitude / goal.magnitude
    return float(f"{factor:.15g}"), float(f"{zero / goal.magnitude:.12g}")


def yearly_conversion(unit: str, target: str) -> tuple[float, float]:
    """As `conversion`, for the amount of a year: a unit that leaves its period out means one year, too.

    Parameters
    ----------
    unit : str
    target : str
        With its period, such as ``kg/m2/year``.

    Raises
    ------
    ValueError
        As `conversion`.

    Examples
    --------
    >>> yearly_conversion("g C m-2 year-1", "kg/m2/year")
    (0.001, 0.0)
    >>> yearly_conversion("t/ha", "kg/m2/year")
    (0.1, 0.0)
    """
    of_one_year = target.removesuffix("/year")
    if parse_unit(unit).is_compatible_with(parse_unit(of_one_year)):
        return conversion(unit, of_one_year)
    return conversion(unit, target)


def other_unit(said: str, declared: str, target: str) -> str:
    """The unit that a file says its values have, if it is another one than was declared for them; else nothing.

    Parameters
    ----------
    said : str
        What the file says. A text that is no unit ("none", "degC*10") contradicts nothing, and neither does a "1" for
        what has a dimension, which many programs write for "nothing known". A total without its period ("mm") agrees
        with any period.
    declared : str
        As the user declares it, convertible to `target`.
    target : str
        The unit that the program needs.

    Examples
    --------
    >>> other_unit("K", "degC", "degC"), other_unit("degrees C", "degC", "degC")
    ('K', '')
    >>> other_unit("mm", "mm/month", "mm/month"), other_unit("m", "mm/month", "mm/month")
    ('', 'm/month')
    >>> other_unit("kg m-2 s-1", "mm/day", "mm/month"), other_unit("NDVI", "1", "1")
    ('kg m-2 s-1', '')
    """
    if _SAYS_NOTHING.fullmatch(said.strip()):
        return ""
    try:
        own, wanted = parse_unit(said), parse_unit(declared)
    except ValueError:
        return ""
    convert = yearly_conversion if target.endswith("/year") else conversion
    periods = [name for name, power in wanted.unit_items() if power == -1 and name in _PERIODS]
    for text in (said, *(f"{said}/{name}" for name in periods)):
        try:
            pairs = zip(convert(text, target), convert(declared, target), strict=True)
        except ValueError:
            continue
        alike = all(math.isclose(*pair, rel_tol=1e-6, abs_tol=1e-9) for pair in pairs)
        return "" if alike else text
    return said if own.units != _registry().dimensionless else ""


def is_nitrogen(unit: str) -> bool:
    """Whether a unit says that nitrogen was weighed.

    Examples
    --------
    >>> is_nitrogen("kg N/ha"), is_nitrogen("kg C/m2"), is_nitrogen("t/ha")
    (True, False, False)
    """
    element = re.search(_ELEMENT, str(unit))
    return element is not None and element[2] == "N"


def _comparable(source, goal) -> bool:
    # Angles and ratios have no dimension; their base units tell them apart.
    if not source.is_compatible_with(goal):
        return False
    return not source.dimensionless or _base(source) == _base(goal)


def _base(quantity):
    return _registry().Quantity(1.0, quantity.units).to_base_units().units


def _as_depth(source, goal):
    """Water in kg/m2/s as climate models give it, as mm of depth where `goal` is one."""
    registry = _registry()
    depth = source / registry.Quantity(1000.0, "kg/m**3") if source.check("[mass]/[area]/[time]") else source
    return depth if depth.is_compatible_with(goal) else source


def _period_hint(unit: str, source, goal) -> str:
    if goal.check("[length]/[time]") and source.check("[length]"):
        period = "year" if "year" in str(goal.units) else "month"
        return f" (a total needs its period, such as '{unit}/{period}')"
    if (source * _registry().Quantity(1.0, "year")).is_compatible_with(goal):
        return " (leave out the period: the amount of one year is meant)"
    return ""


def stock_factor(unit: str) -> float:
    """What turns kg/m2 into `unit` (``kg/m2`` or ``t/ha``).

    Examples
    --------
    >>> stock_factor("t/ha")
    10.0
    """
    return conversion(STOCK_UNIT, unit)[0]
