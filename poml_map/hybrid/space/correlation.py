"""How alike the errors of two places are, and of how many of them the mean of an area is made.

Errors of pixels neither cancel like independent ones nor add up like equal ones. How alike they are at which distance
is told by the residuals of held-out sites: their variogram.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.distance import cdist, pdist

#: Sites below which no variogram is fitted: with fewer it is mostly chance.
LEAST_SITES = 50

#: Pixels that stand for an area. A mean over pairs of so many is within some percent of that over all.
PIXELS = 1500

_BINS = 15

# A bin with fewer pairs says nothing of its own (Journel & Huijbregts); two sites side by side would rule the fit.
_LEAST_PAIRS = 30

# Sites that a variogram is made of: of more, all pairs would take minutes and tell nothing new.
_MOST_SITES = 2000


@dataclass(frozen=True)
class ErrorCorrelation:
    """Correlation of the errors of two places. Make it with `ErrorCorrelation.of`.

    Attributes
    ----------
    share : float
        Correlation of two places that are next to each other; the rest, of measuring and of single spots, is alike
        nowhere. [1]
    range_m : float
        Distance over which it falls to 1/e: ``share * exp(-h / range_m)``. [m]
    distance, semivariance : ndarray (bins,)
        What it was fitted to, of residuals with a variance of 1. [m], [1]
    n_sites : int

    References
    ----------
    Wadoux & Heuvelink (2023), doi:10.1111/2041-210X.14106

    Examples
    --------
    >>> known = ErrorCorrelation(0.5, 10e3, np.array([]), np.array([]), 100)
    >>> known.at([0.0, 10e3]).round(3)
    array([0.5  , 0.184])
    """

    share: float
    range_m: float
    distance: np.ndarray
    semivariance: np.ndarray
    n_sites: int

    @classmethod
    def of(cls, positions, residuals) -> ErrorCorrelation:
        """Fit the exponential variogram of residuals, by least squares weighted by pairs over squared distance.

        Parameters
        ----------
        positions : array_like (sites, 2)
            [m]
        residuals : array_like (campaigns, sites)
            Errors at held-out sites; NaN where there is none. Only pairs of one campaign are compared. [kg/m2]

        Returns
        -------
        ErrorCorrelation

        Raises
        ------
        ValueError
            If shapes do not fit, or fewer than `LEAST_SITES` sites have a residual in a common campaign.
        """
        positions, residuals = np.asarray(positions, float), np.atleast_2d(np.asarray(residuals, float))
        if positions.shape != (residuals.shape[1], 2):
            raise ValueError(
                f"positions has shape {positions.shape}, expected ({residuals.shape[1]}, 2): one place for each site "
                "of residuals. Mend: give both in one order."
            )
        n_sites = int(np.isfinite(residuals).sum(axis=1).max())
        if n_sites < LEAST_SITES:
            raise ValueError(
                f"{n_sites} held-out sites of one campaign, expected {LEAST_SITES} to tell how errors go together"
            )
        distance, semivariance, pairs = _variogram(positions, residuals)
        nugget, sill, reach = _fit(distance, semivariance, pairs)
        total = nugget + sill
        return cls(float(sill / total), float(reach), distance, semivariance / total, n_sites)

    def at(self, distance) -> np.ndarray:
        """Correlation of two different places so far apart, (...). [1]"""
        return self.share * np.exp(-np.asarray(distance) / self.range_m)

    def of_mean(self, positions, count: int | None = None) -> float:
        """Variance of the mean of errors with a variance of 1 over the pixels of an area.

        What is alike nowhere (the error of measuring, mostly) is no error of a map and left out.

        Parameters
        ----------
        positions : array_like (pixels, 2)
            Middles of the pixels. [m]
        count : int, optional
            Pixels of the area, if these are some that stand for it (`pixels_that_stand_for`).

        Returns
        -------
        float
            The mean correlation over all pairs of pixels. [1]

        Examples
        --------
        >>> alike = ErrorCorrelation(0.5, 1e4, np.array([]), np.array([]), 100)
        >>> round(alike.of_mean([[0, 0], [1, 0]]), 3), alike.of_mean([[0, 0], [1e9, 0]])
        (0.5, 0.25)
        """
        positions = np.asarray(positions, float)
        if positions.ndim != 2 or positions.shape[1:] != (2,) or len(positions) == 0:
            raise ValueError(
                f"positions has shape {positions.shape}, expected (n, 2) with n from 1 on. Mend: give a place a pixel."
            )
        some = len(positions)
        count = some if count is None else count
        if some == 1:
            return self.share
        pairs = (self.at(cdist(positions, positions)).sum() - some * self.share) / (some * (some - 1))
        return float(self.share + (count - 1) * pairs) / count

    def of_difference(self, sites, positions) -> float:
        """Variance of the mean error at sites less that of the area they stand for, of errors with a variance of 1.

        Sites that lie together tell less than as many that are spread.

        Parameters
        ----------
        sites, positions : array_like (n, 2)
            Of the sites, and of pixels that stand for the area. [m]

        Returns
        -------
        float
            [1]

        Examples
        --------
        >>> alike = ErrorCorrelation(1.0, 1e4, np.array([]), np.array([]), 100)
        >>> round(alike.of_difference([[0, 0], [1, 0]], [[0, 0], [1, 0]]), 6)
        0.0
        """
        sites, positions = np.asarray(sites, float), np.asarray(positions, float)
        among = self.at(cdist(sites, sites)).mean() + (1 - self.share) / len(sites)
        return float(
            among + self.at(cdist(positions, positions)).mean() - 2 * self.at(cdist(sites, positions)).mean()
        )


def pixels_that_stand_for(count: int) -> np.ndarray:
    """Places of up to `PIXELS` of so many pixels, ascending: all, or a draw that is always the same."""
    if count <= PIXELS:
        return np.arange(count)
    return np.sort(np.random.default_rng(count).choice(count, PIXELS, replace=False))


def _variogram(positions, residuals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean distance, semivariance and pairs by bins of distance, up to half of the largest."""
    if len(positions) > _MOST_SITES:
        chosen = np.random.default_rng(0).choice(len(positions), _MOST_SITES, replace=False)
        positions, residuals = positions[chosen], residuals[:, chosen]
    longest = pdist(positions).max() / 2
    bins = np.linspace(0.0, longest, _BINS + 1)
    total, square, count = (np.zeros(_BINS) for _ in "tsc")
    for each in residuals:
        seen = np.isfinite(each)
        if seen.sum() < 2:
            continue
        far, half = pdist(positions[seen]), pdist(each[seen, np.newaxis], "sqeuclidean") / 2
        at = np.digitize(far, bins) - 1
        near = at < _BINS
        count += np.bincount(at[near], minlength=_BINS)
        total += np.bincount(at[near], far[near], _BINS)
        square += np.bincount(at[near], half[near], _BINS)
    some = count >= _LEAST_PAIRS
    return total[some] / count[some], square[some] / count[some], count[some]


def _fit(distance, semivariance, pairs) -> tuple[float, float, float]:
    """Nugget, partial sill and range of ``nugget + sill (1 - exp(-h / range))``, none below 0."""
    # As gstat does: short distances, where the correlation is, count most.
    weight, top, longest = np.sqrt(pairs) / distance, float(semivariance.max()), float(distance.max())
    weight /= np.linalg.norm(weight)
    if top == 0:
        return 0.0, 1.0, longest  # one error everywhere: nothing cancels

    def misfit(parameters):
        nugget, sill, reach = parameters
        return weight * (nugget + sill * (1 - np.exp(-distance / reach)) - semivariance)

    bounds = ([0.0, 0.0, longest / 100], [2 * top, 2 * top, longest])
    starts = [(0.5 * top, 0.5 * top, longest * part) for part in (0.03, 0.1, 0.3)]
    found = [least_squares(misfit, start, bounds=bounds, x_scale=(top, top, longest)) for start in starts]
    return tuple(min(found, key=lambda each: each.cost).x)
