"""Intervals at the sites themselves: those of a fold are scaled by residuals of the other folds only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .campaigns import CampaignConformal, large_campaigns
from .change import HeldOutChange
from .conformal import Conformal


@dataclass(frozen=True)
class HeldOutSpread:
    """What forests that never saw a site say of it, in every year.

    Attributes
    ----------
    mean, sd : ndarray (years, sites)
        Mean and spread of the trees; NaN where a covariate is missing. [kg/m2]
    observed : ndarray (years, sites)
        NaN where there is none. [kg/m2]
    fold : ndarray (sites,) of int
        Fold that the site was held out in.
    years : ndarray (years,) of int
        Of axis 0.
    change : HeldOutChange, optional
        Of the sites with two campaigns.
    """

    mean: np.ndarray
    sd: np.ndarray
    observed: np.ndarray
    fold: np.ndarray
    years: np.ndarray
    change: HeldOutChange | None = None

    def __post_init__(self):
        shapes = [self.mean.shape, self.sd.shape, self.observed.shape]
        if shapes != [(*self.years.shape, *self.fold.shape)] * 3:
            raise ValueError(
                f"mean, sd and observed have shapes {shapes}, years {self.years.shape} and fold {self.fold.shape}, "
                "expected three of (years, sites), (years,) and (sites,). Mend: give all of one panel."
            )

    def calibrated(self) -> CampaignConformal:
        """The residuals of all folds: for places that are no site, such as the pixels of a map."""
        return self._of_sites(np.ones(len(self.fold), bool))

    def without(self, fold: int) -> CampaignConformal:
        """The residuals of all folds but one: for the sites of that fold.

        Raises
        ------
        ValueError
            If no other fold has an observation.
        """
        return self._of_sites(self.fold != fold)

    def _of_sites(self, chosen) -> CampaignConformal:
        known = ~np.isnan(self.observed + self.mean + self.sd)
        year, site = np.nonzero(known)
        # By all sites: what vouches for the limits of a map must be calibrated as they are.
        large = large_campaigns(site, self.years[year])
        at = year, site = np.nonzero(known & chosen)
        told = self.observed[at], self.mean[at], self.sd[at]
        return CampaignConformal.of(*told, site, self.years[year], large=large)

    def limits(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """`cross_limits` of these."""
        return cross_limits(self.mean, self.sd, self.observed, self.fold, self.years, level)

    def pit(self) -> np.ndarray:
        """Probability integral transform of each observation among the other folds, (years, sites). [1]"""
        return self._of_observations(Conformal.pit)

    def crps(self) -> np.ndarray:
        """Continuous ranked probability score of each observation, (years, sites). [kg/m2]"""
        return self._of_observations(Conformal.crps)

    def deviation(self) -> np.ndarray:
        """Standard deviation of an observation at each site and year, (years, sites). [kg/m2]"""
        found = np.full(self.mean.shape, np.nan)
        for number in np.unique(self.fold):
            here = self.fold == number
            found[:, here] = self.without(number).deviation(self.sd[:, here], self.years)
        return found

    def _of_observations(self, score: Callable) -> np.ndarray:
        found = np.full(self.mean.shape, np.nan)
        for number in np.unique(self.fold):
            other, seen = self.without(number), ~np.isnan(self.observed) & (self.fold == number)
            for row in np.flatnonzero(seen.any(axis=1)):
                here = row, seen[row]
                told = self.observed[here], self.mean[here], self.sd[here]
                found[here] = score(other.at(self.years[row]), *told)
        return found


def cross_limits(mean, sd, observed, fold, years, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits at every site and year, each fold's from the residuals of the other folds.

    Parameters
    ----------
    mean, sd : array_like (years, sites)
        Of the trees of forests that never saw the site. [kg/m2]
    observed : array_like (years, sites)
        NaN where there is none. [kg/m2]
    fold : array_like (sites,) of int
    years : array_like (years,) of int
        Of axis 0.
    level : float
        Above 0 and below 1.

    Returns
    -------
    low, high : ndarray (years, sites)
        NaN where `mean` is, and in folds that leave too few other sites. [kg/m2]

    Raises
    ------
    ValueError
        If shapes do not fit, or all observations are in one fold.

    Notes
    -----
    An observation thus never sets the width of its own interval, so the share of observations inside is a fair score.
    The residuals of the other folds do come from other forests, which were trained on it: this is the calibration by
    cross-validation that Barber et al. compare others with. It holds in practice and has no exact promise.

    References
    ----------
    Barber et al. (2021), doi:10.1214/20-AOS1965

    Examples
    --------
    >>> observed = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> low, high = cross_limits(np.full((1, 4), 2.5), np.ones((1, 4)), observed, [0, 0, 1, 1], [1980], level=0.3)
    >>> low, high
    (array([[3., 3., 1., 1.]]), array([[4., 4., 2., 2.]]))
    """
    arrays = (np.asarray(values, dtype=np.float64) for values in (mean, sd, observed))
    held_out = HeldOutSpread(*arrays, np.asarray(fold), np.asarray(years))
    low, high = (np.full(held_out.mean.shape, np.nan) for _ in "lh")
    for number in np.unique(held_out.fold):
        here = held_out.fold == number
        other = held_out.without(number)
        told = held_out.mean[:, here], held_out.sd[:, here]
        low[:, here], high[:, here] = other.limits(*told, level, held_out.years)
    return low, high
