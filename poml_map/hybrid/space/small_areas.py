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
LEAST_ZONES = 3

# Instead of a variance of 0 below a fraction. [kg2/m4]
_TINY = 1e-30


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
    n_sites : ndarray (zones + 1,) of int
        Sites that tell it: of the campaign that has fewest.
    """

    bias: np.ndarray
    variance: np.ndarray
    freedom: np.ndarray
    n_sites: np.ndarray

    def half_width(self, level: float, more=0.0) -> np.ndarray:
        """Half the width of the interval of the true mean, (zones + 1,); `more` is variance from elsewhere. [kg/m2]"""
        return student.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance + more)


@dataclass(frozen=True)
class SmallAreas:
    """Residuals of held-out sites by zone.

    Attributes
    ----------
    residuals : ndarray (campaigns, sites)
        Observed minus predicted by a forest that never saw the site; NaN where there is none. Sites of one place are to
        be averaged before: they are no independent witnesses. [kg/m2]
    zone : ndarray (sites,) of int
        From 0 on; -1 outside all zones.
    shares : ndarray (zones,)
        Share of the region's area that each zone has; what is left to 1 lies outside all zones.

    References
    ----------
    Fay & Herriot (1979), doi:10.1080/01621459.1979.10482505; Paule & Mandel (1982), doi:10.6028/jres.087.022; Datta,
    Rao & Smith (2005), doi:10.1093/biomet/92.1.183 (doubt about the variance between zones); Brus (2022), Spatial
    Sampling with R, chapter 10 (mean of the map plus mean of the residuals)

    Examples
    --------
    A map that is 0.2 too low everywhere is found out, whatever its zones:

    >>> noise = np.tile([-0.1, 0.1], 60)
    >>> areas = SmallAreas(np.array([0.2 + noise]), np.repeat([0, 1, 2], 40), np.full(3, 1 / 3))
    >>> areas.errors([1.0]).bias.round(3)
    array([0.2, 0.2, 0.2, 0.2])
    """

    residuals: np.ndarray
    zone: np.ndarray
    shares: np.ndarray

    def __post_init__(self):
        if self.residuals.ndim != 2 or self.zone.shape != self.residuals.shape[1:]:
            raise ValueError(
                f"residuals has shape {self.residuals.shape} and zone {self.zone.shape}, expected (campaigns, sites) "
                "and (sites,). Mend: give the zone of each site."
            )

    @property
    def n_zones(self) -> int:
        """Zones, the land outside all not counted."""
        return len(self.shares)

    def variance_of(self, weights) -> float:
        """Variance of a site's weighted sum of residuals, around the mean of all sites. [kg2/m4]"""
        weights = np.asarray(weights, float)
        needed = np.flatnonzero(weights)
        spread = _covariance(self.residuals[needed], np.zeros(len(self.zone), int))
        return float(max(weights[needed] @ spread @ weights[needed], 0.0))

    def errors(self, weights, local=None, *, same_sites: bool = False) -> AreaErrors:
        """Errors of a weighted sum of the campaigns' maps: of one year, of one between two, or of a change.

        Parameters
        ----------
        weights : array_like (campaigns,)
            ``[1, 0]`` for the first of two campaigns, ``[0.5, 0.5]`` for the middle of them, ``[-1, 1]`` for the
            change between.
        local : array_like (zones,), optional
            Variance that the mean of a zone has beside that between zones, because its pixels are near each other; see
            `ErrorCorrelation.of_mean`. Default 0. [kg2/m4]
        same_sites : bool
            Take the sites of all these campaigns alone, if they are two thirds of the smallest: for a change.

        Returns
        -------
        AreaErrors
            NaN for zones without a site in a campaign that has a weight: nothing vouches for them; and for the region
            where a campaign has fewer than two sites, or where no campaign has a weight.
        """
        weights = np.asarray(weights, float)
        needed = np.flatnonzero(weights)
        weights, residuals = weights[needed], self.residuals[needed]
        if not len(needed):
            return _unknown(self.n_zones)
        if same_sites:
            both = np.isfinite(residuals).all(axis=0)
            if both.sum() >= 2 / 3 * np.isfinite(residuals).sum(axis=1).min():
                residuals = np.where(both, residuals, np.nan)
        # Land outside all zones is one zone more, for the region's sake.
        zone = np.where(self.zone >= 0, self.zone, self.n_zones)
        shares = np.append(self.shares, max(1.0 - self.shares.sum(), 0.0))
        local = (
            np.zeros(len(shares))
            if local is None
            else np.append(np.nan_to_num(np.asarray(local, float)), 0.0)
        )
        counts = _counts(residuals, zone, len(shares))
        mean, variance = _direct(residuals, zone, counts, weights)
        known = np.isfinite(variance)
        n_sites = np.append(counts.min(axis=0)[:-1], counts.sum(axis=1).min())
        if known.sum() < LEAST_ZONES:
            freedom = max(counts.sum(axis=1).min() - max(known.sum(), 1), 1)
            of_all = _direct(residuals, np.zeros_like(zone), counts.sum(axis=1, keepdims=True), weights)
            mean, variance = (
                np.append(each[:-1], whole) for each, whole in zip((mean, variance), of_all, strict=True)
            )
            return AreaErrors(mean, variance, np.full(len(mean), float(freedom)), n_sites)
        zones, region = _shrunk(mean, variance, local, known, shares)
        freedom = np.full(len(shares), known.sum() - 1.0)
        freedom[-1] = max(counts.sum(axis=1).min() - known.sum(), 1)
        mean, variance = (np.append(each[:-1], whole) for each, whole in zip(zones, region, strict=True))
        return AreaErrors(mean, variance, freedom, n_sites)


def _unknown(n_zones: int) -> AreaErrors:
    nothing = np.full(n_zones + 1, np.nan)
    return AreaErrors(nothing, nothing, np.ones(n_zones + 1), np.zeros(n_zones + 1, int))


def _counts(residuals, zone, n_zones: int) -> np.ndarray:
    """Sites by campaign and zone, (campaigns, zones)."""
    return np.stack([np.bincount(zone[np.isfinite(row)], minlength=n_zones) for row in residuals])


def _direct(residuals, zone, counts, weights) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean residual of each zone by its own sites, and its variance; NaN where a campaign has no site."""
    n_zones, seen = counts.shape[1], np.isfinite(residuals)
    spread = _covariance(residuals, zone)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = [np.bincount(zone[row], each[row], n_zones) for row, each in zip(seen, residuals, strict=True)]
        means = np.stack(sums) / counts
        variance = np.zeros(n_zones)
        for one, other in np.ndindex(spread.shape):
            both = np.bincount(zone[seen[one] & seen[other]], minlength=n_zones)
            share = both / (counts[one] * counts[other])
            # Campaigns without a common site have nothing in common.
            part = weights[one] * weights[other] * spread[one, other] * share
            variance += np.where(both | (one == other), part, 0.0)
    mean = weights @ means
    known = np.isfinite(mean) & np.isfinite(variance)
    return np.where(known, mean, np.nan), np.where(known, np.maximum(variance, 0.0), np.nan)


def _covariance(residuals, zone) -> np.ndarray:
    """Covariance between campaigns of a site's residuals around the mean of its zone, (campaigns, campaigns).

    That of two campaigns comes from their common sites, at most as far as their variances allow; 0 where there are too
    few. NaN for the variance of a campaign without freedom.
    """
    centred = np.full(residuals.shape, np.nan)
    for each in np.unique(zone):
        here = zone == each
        some = np.isfinite(residuals[:, here])
        mean = np.where(some, residuals[:, here], 0.0).sum(axis=1) / np.maximum(some.sum(axis=1), 1)
        centred[:, here] = residuals[:, here] - mean[:, np.newaxis]
    found = np.zeros((len(residuals), len(residuals)))
    for one, other in np.ndindex(found.shape):
        both = np.isfinite(centred[one] + centred[other])
        freedom = both.sum() - len(np.unique(zone[both]))
        empty = np.nan if one == other else 0.0
        found[one, other] = (centred[one] * centred[other])[both].sum() / freedom if freedom > 0 else empty
    most = np.sqrt(np.outer(np.diag(found), np.diag(found)))
    return np.clip(found, -most, most)


def _shrunk(mean, variance, local, known, shares) -> tuple[tuple, tuple]:
    """Means of zones drawn towards that of all, the more so the less they are known; and the mean of the region.

    The region is the sum of its zones by their area; zones without a site stand at the mean of all.
    """
    between = _variance_between(mean[known], variance[known] + local[known])
    prior = between + local
    weight = np.where(known, 1 / np.where(known, np.maximum(variance, 0) + prior + _TINY, 1), 0.0)
    weight /= weight.sum()
    centre = weight[known] @ mean[known]
    total = np.where(known, prior + variance, np.inf)
    own = np.where(known, np.where(total > 0, prior / np.where(total > 0, total, 1), 1.0), 0.0)
    told, noise = np.where(known, mean, 0.0), np.where(known, variance, 0.0)
    zones = own * told + (1 - own) * centre
    # The variance between zones is itself an estimate, 0 at worst: without it limits are too narrow.
    raw = np.where(known, 1 / np.maximum(np.where(known, total, 1), _TINY), 0.0)
    doubt = 2 * known.sum() / raw.sum() ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        more = np.where(known & (total > 0), 2 * doubt * noise**2 / total**3, 0.0)
    of_centre = (weight**2 * np.where(known, total, 0.0)).sum()
    left = own * noise + (1 - own) ** 2 * of_centre + more
    # Of the true errors of the zones, and of the noise of their sites, what the sum over the region keeps:
    drawn = (shares * (1 - own)).sum() * weight
    region = ((drawn - shares * (1 - own)) ** 2 * prior).sum() + ((drawn + shares * own) ** 2 * noise).sum()
    hidden = ~known
    zones, left = np.where(hidden, np.nan, zones), np.where(hidden, np.nan, left)
    bias = (shares * np.where(hidden, centre, zones)).sum() / shares.sum()
    return (zones, left), (bias, region + (shares**2 * more).sum())


def _variance_between(mean, variance) -> float:
    """Variance of the true means of zones beyond what their variances explain (Paule & Mandel)."""

    def excess(between: float) -> float:
        weight = 1 / (variance + between + _TINY)
        centre = (weight @ mean) / weight.sum()
        return float(weight @ (mean - centre) ** 2) - (len(mean) - 1)

    if excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, len(mean) * np.var(mean) + 1e-12))
