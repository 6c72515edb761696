"""How the values of one variable become those of the program, and what is said about one that cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.errors import Problem
from poml_map.process.quantities import Quantity
from poml_map.units import conversion, parse_unit

_SHORT_TIMES = ("second", "minute", "hour", "day", "week")
_USUAL_MONTH = 30.0  # days of a month where only the size of a number is asked about


@dataclass(frozen=True)
class Unit:
    """A unit as somebody wrote it, on the way to the program's.

    Attributes
    ----------
    written : str or None
    factor, offset : float
        ``value * factor + offset`` is in the program's unit, or a day's part of it where `daily`.
    daily : bool
        A rate per day (or hour, second): each month counts its own days.
    """

    written: str | None = None
    factor: float = 1.0
    offset: float = 0.0
    daily: bool = False

    @classmethod
    def of(cls, written: str | None, quantity: Quantity) -> Unit:
        """Find out about a unit.

        Parameters
        ----------
        written : str or None
            None: the program's own. An amount without its period, such as ``mm``, is that of one step.
        quantity : Quantity

        Raises
        ------
        ValueError
            If it is no unit, or one of something else.

        Examples
        --------
        >>> from poml_map.process.quantities import QUANTITIES
        >>> Unit.of("mm/day", QUANTITIES["precip"])
        Unit(written='mm/day', factor=1.0, offset=0.0, daily=True)
        >>> Unit.of("t/ha", QUANTITIES["c_input"]).factor
        0.1
        """
        if written is None or not quantity.unit:
            return cls(written)
        written = str(written)
        try:
            return cls(written, *conversion(written, quantity.amount))
        except ValueError:
            factor, offset = conversion(written, quantity.unit)
        parts = dict(parse_unit(written).unit_items())
        daily = quantity.unit.endswith("/month") and any(parts.get(name) == -1 for name in _SHORT_TIMES)
        if daily:  # pint's month is a twelfth of a year: the same number of days in each
            factor /= conversion("1/day", "1/month")[0]
        return cls(written, factor, offset, daily)


@dataclass(frozen=True)
class Reading:
    """The values of one variable.

    Attributes
    ----------
    shown, name : str
        Dataset and variable, as messages name them.
    quantity : Quantity
    unit : Unit
    dims : tuple of str
    labels : dict of str -> ndarray
        Coordinates of the dimensions that have them.
    factor : float or ndarray
        As in `unit`, times the days of each month (along its axis) where that is daily.
    series : str or None
        Dimension along which a gap is refused.
    """

    shown: str
    name: str
    quantity: Quantity
    unit: Unit
    dims: tuple[str, ...]
    labels: dict[str, np.ndarray]
    factor: float | np.ndarray
    series: str | None = None

    @property
    def converts(self) -> bool:
        """Whether values change at all."""
        return self.unit.daily or bool(self.unit.offset) or self.unit.factor != 1.0

    def converted(self, written: np.ndarray) -> np.ndarray:
        """Values in the program's unit; in float64 where they change."""
        if self.converts:
            return written.astype(np.float64) * self.factor + self.unit.offset
        return written if written.dtype.kind == "f" else written.astype(np.float64)

    def problems(self, written: np.ndarray, values: np.ndarray, corner: tuple[int, ...]) -> list[Problem]:
        """What is wrong with a block of the variable.

        Parameters
        ----------
        written, values : ndarray
            As the user gave them, and as `converted`.
        corner : tuple of int
            Position of the block's first value.
        """
        bad = np.asarray(self.quantity.outside(values))
        if bad.any():
            return [self._impossible(written, values, bad, corner)]
        if self.series is None:
            return []
        gap = np.isnan(values)
        gap &= ~gap.all(axis=self.dims.index(self.series), keepdims=True)
        return [self._gap(gap, corner)] if gap.any() else []

    def looks_like_a_fraction(self, largest: float) -> list[Problem]:
        """A percentage of which no value is above 1, where nobody wrote the unit."""
        if not 0.0 < largest <= 1.0:
            return []
        found = f"at most {largest:g} anywhere, which looks like a fraction"
        mend = f"Set attrs['units'] of {self.name} to '1' for fractions, or to '%' if that is right."
        return [Problem(self.shown, self.name, found, self.quantity.expected, mend)]

    def _impossible(self, written, values, bad, corner) -> Problem:
        index = np.unravel_index(int(np.argmax(bad)), bad.shape)
        found = f"{written[index]:g} {self.unit.written or ''}".strip()
        if self.converts:
            found += f", which is {values[index]:g} {self.quantity.unit}"
        if bad.sum() > 1:
            found += f" ({int(bad.sum())} such values)"
        place, mend = self._place(index, corner), self._mend(written)
        return Problem(self.shown, place, found, self.quantity.expected, mend)

    def _mend(self, written) -> str:
        """The units that all values could be in, if there are any."""
        usual = [unit for unit in self.quantity.usual if unit != self.unit.written]
        fits = [unit for unit in usual if not self.quantity.outside(self._in_unit(written, unit)).any()]
        if not fits:
            return f"Correct or mask the values of {self.name}."
        return f"They would fit the unit {' or '.join(map(repr, fits))}: set attrs['units'] of {self.name}."

    def _in_unit(self, written, other):
        unit = Unit.of(other, self.quantity)
        factor = unit.factor * _USUAL_MONTH if unit.daily else unit.factor
        return written.astype(np.float64) * factor + unit.offset

    def _gap(self, gap, corner) -> Problem:
        index = np.unravel_index(int(np.argmax(gap)), gap.shape)
        found = "no value" + (f" ({int(gap.sum())} such gaps)" if gap.sum() > 1 else "")
        mend = "Fill the gaps, or pass gaps='nan' to leave places with a gap empty."
        return Problem(
            self.shown, self._place(index, corner), found, "a value in every month or in none", mend
        )

    def _place(self, index, corner) -> str:
        places = zip(self.dims, index, corner, strict=True)
        labels = [label_text(dim, self.labels.get(dim), int(first + at)) for dim, at, first in places]
        return ", ".join([self.name, *labels])


def label_text(dim: str, labels: np.ndarray | None, position: int) -> str:
    """A position along a dimension as a reader knows it.

    Examples
    --------
    >>> label_text("time", np.array(["1980-03-01"], "datetime64[ns]"), 0)
    'time 1980-03'
    >>> label_text("row", None, 3)
    'row number 3'
    """
    if labels is None:
        return f"{dim} number {position}"
    label = labels[position]
    if dim == "time":
        return f"time {str(label)[:7]}"
    return f"{dim} {label:g}" if np.issubdtype(labels.dtype, np.floating) else f"{dim} {label}"
