"""Carbon of the process model's run, added up over pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map.rothc import Course


@dataclass(frozen=True)
class Balance:
    """Sums over pixels and the whole run. [kg/m2, summed over pixels]

    Attributes
    ----------
    pixels : int
    added, respired, stored : float
        `stored` is what the stocks gained, counted from the stocks.
    largest_error : float
        Largest distance of added - respired - stored from 0 in any pixel. [kg/m2]

    Examples
    --------
    >>> two = Balance(1, 2.0, 1.5, 0.5, 1e-15) + Balance(1, 4.0, 3.0, 1.0, 2e-15)
    >>> two.means()
    {'added_kg_m2': 3.0, 'respired_kg_m2': 2.25, 'stored_kg_m2': 0.75, 'largest_error_kg_m2': 2e-15}
    """

    pixels: int = 0
    added: float = 0.0
    respired: float = 0.0
    stored: float = 0.0
    largest_error: float = 0.0

    @classmethod
    def of(cls, course: Course) -> Balance:
        """The balance of one run; every pixel of it must have a value."""
        stored = course.stock[-1] - course.stock[0]
        error = np.abs(course.added - course.respired - stored).max(initial=0.0)
        sums = (float(np.sum(values)) for values in (course.added, course.respired, stored))
        return cls(course.stock.shape[1], *sums, float(error))

    def __add__(self, other: Balance) -> Balance:
        return Balance(
            self.pixels + other.pixels,
            self.added + other.added,
            self.respired + other.respired,
            self.stored + other.stored,
            max(self.largest_error, other.largest_error),
        )

    def means(self) -> dict[str, float]:
        """Means of the pixels, and the largest error of any. [kg/m2]"""
        pixels = max(self.pixels, 1)
        parts = {"added": self.added, "respired": self.respired, "stored": self.stored}
        return {f"{name}_kg_m2": value / pixels for name, value in parts.items()} | {
            "largest_error_kg_m2": self.largest_error
        }
