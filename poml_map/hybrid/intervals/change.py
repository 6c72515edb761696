"""Limits of a change between two years, from held-out sites that were sampled twice.

Never the difference of two intervals: most of the error of a place is the same in both years. Each tree is asked for
the change itself, and the spread of these differences is scaled by changes that were observed at sites it never saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from .conformal import Conformal, as_floating, tails


@dataclass(frozen=True)
class HeldOutChange:
    """Change from the first to the last campaign of each site, by forests that never saw it.

    Attributes
    ----------
    mean, sd : ndarray (sites,)
        Of the differences of the single trees; NaN at sites with one campaign. [kg/m2]
    observed : ndarray (sites,)
        Last minus first observation. [kg/m2]
    fold : ndarray (sites,) of int
    first, last : ndarray (sites,) of int
        Years of these campaigns.
    """

    mean: np.ndarray
    sd: np.ndarray
    observed: np.ndarray
    fold: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Sites with a change and a prediction of it, (sites,) of bool."""
        return ~np.isnan(self.observed + self.mean + self.sd)

    def calibrated(self, use=None) -> Conformal | None:
        """The residuals of all sites, or of some; None where none has a change."""
        use = self.known if use is None else self.known & use
        if not use.any():
            return None
        return Conformal.of(self.observed[use], self.mean[use], self.sd[use], np.flatnonzero(use))

    def limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Limits at the sites, (sites,), those of a fold from the other folds only; NaN where there is none. [kg/m2]"""
        low, high = (np.full(len(self.mean), np.nan) for _ in "lh")
        for number in np.unique(self.fold):
            here, other = self.fold == number, self.calibrated(self.fold != number)
            if other is not None:
                low[here], high[here] = other.limits(self.mean[here], self.sd[here], level, -np.inf)
        return low, high

    def years(self) -> list[str]:
        """Which changes these are, such as ``1980-2000``, the most frequent first."""
        pairs = np.column_stack([self.first, self.last])[self.known]
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        return [f"{first}-{last}" for first, last in found[np.argsort(-counts, kind="stable")]]


@dataclass(frozen=True)
class TreeSpread:
    """What stands for `Conformal` where no change was observed: the spread of the trees as it is, as if it were normal.

    It knows the errors that trees and draws of the process model have, and nothing of what no tree knows: too narrow,
    as a rule. Its limits are to be called uncalibrated.

    Examples
    --------
    >>> low, high = TreeSpread().limits([0.5], [0.1], 0.9, -np.inf)
    >>> low.round(3), high.round(3)
    (array([0.336]), array([0.664]))
    >>> TreeSpread().p_value(0.0, [0.0, 0.2], [0.1, 0.1]).round(3)
    array([1.   , 0.046])
    """

    n_sites: int = 0

    def limits(self, mean, sd, level: float, lowest: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """As `Conformal.limits`."""
        mean, sd = as_floating(mean), as_floating(sd)
        low, high = (mean + sd.dtype.type(norm.ppf(p)) * sd for p in tails(level))
        return np.maximum(low, lowest), high

    def deviation(self, sd) -> np.ndarray:
        """As `Conformal.deviation`."""
        return as_floating(sd)

    def p_value(self, value, mean, sd) -> np.ndarray:
        """As `Conformal.p_value`."""
        mean, sd = (np.asarray(values, dtype=np.float64) for values in (mean, sd))
        # Trees that all agree leave no doubt: nothing but their own change is possible.
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.where(value == mean, 0.0, np.abs(value - mean) / sd)
        return np.where(np.isnan(mean + sd), np.nan, 2.0 * norm.sf(place))


def change_of_sites(panel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last campaign of each site, as places on the panel's years, and the sites that have both.

    Parameters
    ----------
    panel : SitePanel

    Returns
    -------
    first, last : ndarray (sites,) of int
    twice : ndarray (sites,) of bool
        Whether they differ.
    """
    seen = panel.has_observation
    first = np.argmax(seen, axis=0)
    last = len(seen) - 1 - np.argmax(seen[::-1], axis=0)
    return first, last, first < last
