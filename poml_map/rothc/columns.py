"""Values by class, and which named columns feed what: the same for sites and for tiles of a map.

Nothing here knows where a column comes from; `read` in these functions is any function from a name to an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from . import checks


def by_class(codes, values, default=None, *, name="codes"):
    """The value of each site's or pixel's class.

    Parameters
    ----------
    codes : array_like (...)
        Class numbers; NaN where the class is not known.
    values : mapping of int to float or to sequence of k float
        Value of each class.
    default : float or sequence of k float, optional
        Value of every other class. Without it such a class is refused.
    name : str
        What `codes` is called in the refusal.

    Returns
    -------
    ndarray of float, shape (...) or (k, ...)
        NaN where `codes` is NaN.

    Raises
    ------
    ValueError
        If a class has no value and there is no default.

    Examples
    --------
    >>> by_class([1, 3, 2, np.nan], {1: 1.44, 2: 0.67, 3: 0.25})
    array([1.44, 0.25, 0.67,  nan])
    >>> by_class([1, 7], {1: (1.4, 0.06)}, (1.2, 0.05))
    array([[1.4 , 1.2 ],
           [0.06, 0.05]])
    """
    codes = np.asarray(codes, dtype=np.float64)
    known = np.array(sorted(values), dtype=np.float64)
    outside = unlisted(codes, values)
    if default is None:
        known_classes = ", ".join(f"{code:g}" for code in known)
        checks.refuse(name, codes, outside, f"one of the classes {known_classes}", "give this class a value")
    rows = [values[code] for code in sorted(values)] + [np.nan if default is None else default, np.nan]
    table = np.stack(np.broadcast_arrays(*(np.asarray(row, dtype=np.float64) for row in rows)))
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    place = np.where(outside, len(known), np.where(np.isnan(codes), len(known) + 1, place))
    return np.moveaxis(table[place], -1, 0) if table.ndim == 2 else table[place]


def unlisted(codes, values):
    """Where a class is known but has no value: bool, shape of `codes`.

    Examples
    --------
    >>> unlisted([1, 7, np.nan], {1: 0.5})
    array([False,  True, False])
    """
    codes = np.asarray(codes, dtype=np.float64)
    return ~np.isin(codes, list(values)) & ~np.isnan(codes)


@dataclass(frozen=True)
class ByClass:
    """A table of values by the class in a column.

    Attributes
    ----------
    column : str
    values : mapping of int to float or to tuple of float
    default : float or tuple of float, optional
        Value of the other classes; without it they are refused.
    """

    column: str
    values: Mapping
    default: float | tuple[float, ...] | None = None

    def at(self, codes) -> np.ndarray:
        """The values of these classes, see `by_class`."""
        return by_class(codes, self.values, self.default, name=self.column)

    def unlisted(self, codes) -> np.ndarray:
        """Which of these classes have no value of their own."""
        return unlisted(codes, self.values)


@dataclass(frozen=True)
class ProcessInputs:
    """What feeds the arguments of `forcing.prepare` beside the monthly drivers and clay.

    Attributes
    ----------
    driver : str or None
        Annual or static column that the yearly plant input follows; None: it is the same every year.
    dpm_rpm : str, ByClass or None
        Column of ratios, or ratio by class; None: that of the options.
    rate_factor : tuple of 12 float, ByClass or None
        January to December.
    manure : str or None
        Annual or static column. [kg/m2/year]
    """

    driver: str | None = "FER"
    dpm_rpm: str | ByClass | None = None
    rate_factor: tuple[float, ...] | ByClass | None = None
    manure: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are read, each once.

        Examples
        --------
        >>> ProcessInputs("NPP", dpm_rpm=ByClass("LAND_USE", {1: 1.44}), manure="MANURE").columns
        ('NPP', 'LAND_USE', 'MANURE')
        """
        found = [self.driver, _column(self.dpm_rpm), _column(self.rate_factor), self.manure]
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def arguments(self, read: Callable[[str], np.ndarray], years: int) -> dict:
        """Keyword arguments of `forcing.prepare` or `forcing.build_forcing`.

        Parameters
        ----------
        read : callable
            From the name of a column to its values: (years, n), or (n,) of a static one.
        years : int
            Run years.

        Returns
        -------
        dict
            ``driver``, ``dpm_rpm``, ``rate_factor``, ``manure``.

        Raises
        ------
        ValueError
            If a class has no value.
        """
        return {
            "driver": np.ones((years, 1)) if self.driver is None else _annual(read(self.driver), years),
            "dpm_rpm": self._ratio(read),
            "rate_factor": self._factor(read),
            "manure": None if self.manure is None else _annual(read(self.manure), years),
        }

    def _ratio(self, read):
        if self.dpm_rpm is None:
            return None
        values = read(_column(self.dpm_rpm))
        return self.dpm_rpm.at(values) if isinstance(self.dpm_rpm, ByClass) else np.asarray(values, float)

    def _factor(self, read):
        if isinstance(self.rate_factor, ByClass):
            return self.rate_factor.at(read(self.rate_factor.column))
        return None if self.rate_factor is None else np.asarray(self.rate_factor, float)[:, np.newaxis]


def _column(source):
    if isinstance(source, ByClass):
        return source.column
    return source if isinstance(source, str) else None


def _annual(values, years):
    values = np.asarray(values, float)
    return values if values.ndim == 2 else np.broadcast_to(values, (years, values.size))
