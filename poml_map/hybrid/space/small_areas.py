"""How wrong the mean of a map over an area is, told by the sites in it that no training saw.

A map that is right at most pixels may be wrong in the mean of a district: forests smooth, and what no covariate knows
goes together within a district. The mean residual of its held-out sites estimates this error, whatever errors of
neighbours have in common. Where sites are few it is drawn towards the mean of all (Fay & Herriot).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t as student

#: Zones with sites below which nothing is known of how zones differ: each then stands for itself.
_LEAST_ZONES = 3


@dataclass(frozen=True)
class AreaErrors:
    """Errors of the means of zones, and of the whole region as the last.

    Attributes
    ----------
    bias : ndarray (zones + 1,)
        What is to be added to the mean of the map; NaN where nothing is known. [kg/m2]
    variance : ndarray (zones + 1,)
        Of what is then left. [kg2/m4]
    freedom : ndarray (zones + 1,)
        Degrees of freedom for the quantile of Student's t.
    """

    bias: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray

    def half_width(self, level: float, more=0.0) -> np.ndarray:
        """Half the width of the interval of the true mean, (zones + 1,); `more` is variance from elsewhere. [kg/m2]"""
        return student.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance + more)


@dataclass(frozen=True)
class SmallAreas:
    """Residuals of held-out sites by zone.

    Attributes
    ----------
    residuals : ndarray (campaigns, sites)
        Observed minus predicted by a forest that never saw the site; NaN where there is none. [kg/m2]
    zone : ndarray (sites,) of int
        From 0 on; -1 outside all zones.
    n_zones : int

    References
    ----------
    Fay & Herriot (1979), doi:10.1080/01621459.1979.10482505; Paule & Mandel (1982), doi:10.6028/jres.087.022; Prasad &
    Rao (1990), doi:10.1080/01621459.1990.10475320; Brus
    (2022), Spatial Sampling with R, chapter 10 (mean of the map plus mean of the residuals) and 14 (small areas)

    Examples
    --------
    A map that is 0.2 too low everywhere is found out, whatever its zones:

    >>> noise = np.tile([-0.1, 0.1], 60)
    >>> areas = SmallAreas(np.array([0.2 + noise]), np.repeat([0, 1, 2], 40), 3)
    >>> found = areas.errors([1.0])
    >>> found.bias.round(3), found.half_width(0.9).round(3)
    (array([0.2, 0.2, 0.2, 0.2]), array([0.06 , 0.06 , 0.06 , 0.015]))
    """

    residuals: np.ndarray
    zone: np.ndarray
    n_zones: int

    def __post_init__(self):
        if self.residuals.ndim != 2 or self.zone.shape != self.residuals.shape[1:]:
            raise ValueError(
                f"residuals has shape {self.residuals.shape} and zone {self.zone.shape}, expected (campaigns, sites) "
                "and (sites,). Mend: give the zone of each site."
            )

    @property
    def n_sites(self) -> np.ndarray:
        """Sites with a residual in each zone, and in all, (zones + 1,)."""
        seen = np.isfinite(self.residuals).any(axis=0)
        return np.append(np.bincount(self.zone[seen & (self.zone >= 0)], minlength=self.n_zones), seen.sum())

    def variance_of(self, weights) -> float:
        """Variance of a site's weighted sum of residuals, around the mean of all sites. [kg2/m4]"""
        weights = np.asarray(weights, float)
        return float(weights @ _covariance(self.residuals, np.zeros(len(self.zone), int)) @ weights)

    def errors(self, weights, local=None) -> AreaErrors:
        """Errors of a weighted sum of the campaigns' maps: of one year, of one between two, or of a change.

        Parameters
        ----------
        weights : array_like (campaigns,)
            ``[1, 0]`` for the first of two campaigns, ``[0.5, 0.5]`` for the middle of them, ``[-1, 1]`` for the
            change between.
        local : array_like (zones,), optional
            Variance that the mean of a zone has beside that between zones, because its pixels are near each other; see
            `ErrorCorrelation.of_mean`. Default 0. [kg2/m4]

        Returns
        -------
        AreaErrors
            NaN for zones without a site in a campaign that has a weight: nothing vouches for them; and for the region
            where a campaign has fewer than two sites.
        """
        weights = np.asarray(weights, float)
        local = np.zeros(self.n_zones) if local is None else np.asarray(local, float)
        mean, variance = self._direct(self.zone, self.n_zones, weights)
        whole, of_whole = self._direct(np.zeros(len(self.zone), int), 1, weights)
        freedom = np.full(self.n_zones + 1, max(self.n_sites[-1] - 1.0, 1.0))
        known = np.isfinite(variance)
        if known.sum() >= _LEAST_ZONES:
            mean, variance = _shrunk(mean, variance, local, known)
            freedom[:-1] = known.sum() - 1
        return AreaErrors(np.append(mean, whole), np.append(variance, of_whole), freedom)

    def _direct(self, zone, n_zones: int, weights) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean residual of each zone by its own sites, and its variance; NaN where a campaign has no site."""
        seen = np.isfinite(self.residuals) & (zone >= 0)
        counts = np.stack([np.bincount(zone[row], minlength=n_zones) for row in seen])
        sums = [
            np.bincount(zone[row], each[row], n_zones) for row, each in zip(seen, self.residuals, strict=True)
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.stack(sums) / counts
        spread = _covariance(self.residuals, zone)
        needed = np.flatnonzero(weights)
        mean, variance = np.zeros(n_zones), np.zeros(n_zones)
        for one in needed:
            mean += weights[one] * means[one]
            for other in needed:
                both = np.bincount(zone[seen[one] & seen[other]], minlength=n_zones)
                with np.errstate(invalid="ignore", divide="ignore"):
                    share = both / (counts[one] * counts[other])
                variance += weights[one] * weights[other] * spread[one, other] * share
        known = np.isfinite(mean) & np.isfinite(variance)
        return np.where(known, mean, np.nan), np.where(known, variance, np.nan)


def _covariance(residuals, zone) -> np.ndarray:
    """Covariance between campaigns of a site's residuals around the mean of its zone, (campaigns, campaigns)."""
    centred = np.full(residuals.shape, np.nan)
    for each in np.unique(zone):
        here = zone == each
        some = np.isfinite(residuals[:, here])
        mean = np.where(some, residuals[:, here], 0.0).sum(axis=1) / np.maximum(some.sum(axis=1), 1)
        centred[:, here] = residuals[:, here] - mean[:, np.newaxis]
    found = np.empty((len(residuals), len(residuals)))
    for one, other in np.ndindex(found.shape):
        both = np.isfinite(centred[one] + centred[other])
        freedom = both.sum() - len(np.unique(zone[both]))
        found[one, other] = (centred[one] * centred[other])[both].sum() / freedom if freedom > 0 else np.nan
    return found


def _shrunk(mean, variance, local, known) -> tuple[np.ndarray, np.ndarray]:
    """Means of zones drawn towards that of all, the more so the less they are known."""
    between = _variance_between(mean[known], variance[known] + local[known])
    prior = between + local
    weight = 1 / (variance[known] + prior[known])
    centre, of_centre = (weight @ mean[known]) / weight.sum(), 1 / weight.sum()
    total = prior + variance
    own = np.where(total > 0, prior / np.where(total > 0, total, 1), 1.0)
    # The variance between zones is itself an estimate, 0 at worst: without the last term limits are too narrow.
    doubt = 2 / (weight**2).sum()
    left = own * variance + (1 - own) ** 2 * of_centre
    with np.errstate(invalid="ignore", divide="ignore"):
        more = np.where(total > 0, 2 * doubt * variance**2 / total**3, 0.0)
    return own * mean + (1 - own) * centre, left + more


def _variance_between(mean, variance) -> float:
    """Variance of the true means of zones beyond what their variances explain (Paule & Mandel)."""

    def excess(between: float) -> float:
        weight = 1 / (variance + between + 1e-300)
        centre = (weight @ mean) / weight.sum()
        return float(weight @ (mean - centre) ** 2) - (len(mean) - 1)

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, len(mean) * np.var(mean) + 1e-12))
