"""Calibration in time: each large campaign has its own residuals, and years between two campaigns mix theirs.

Trees may disagree more, for the same error, in one year than in another: residuals of one campaign alone then promise
too much in the other, although the share inside is right over both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .conformal import Conformal, as_floating, tails

#: Sites from which on a campaign is calibrated alone: 2 of them lie beyond each limit of the 90 % interval. The share
#: inside then has a standard deviation of 5 %; residuals of another year may be wrong by more.
LEAST_SITES = 40


def large_campaigns(site, year) -> dict[int, bool]:
    """Whether a campaign has sites enough to be calibrated alone, by year.

    Parameters
    ----------
    site, year : array_like (rows,)

    Examples
    --------
    >>> large_campaigns([*range(40), 1, 2], [1980] * 40 + [2000] * 2)
    {1980: True, 2000: False}
    """
    site, year = np.asarray(site), np.asarray(year)
    return {int(each): len(np.unique(site[year == each])) >= LEAST_SITES for each in np.unique(year)}


@dataclass(frozen=True)
class CampaignConformal:
    """`Conformal` of every year. Make it with `CampaignConformal.of`.

    Attributes
    ----------
    pooled : Conformal
        Of all rows.
    years : tuple of int
        Of the campaigns, ascending.
    campaigns : tuple of Conformal
        Of these years: a large campaign's own, `pooled` for the others.

    Notes
    -----
    Between two campaigns quantiles and factors are those of both, mixed by the distance in time; before the first and
    after the last they are those of the nearest one. What holds in a year without samples is thus an assumption.

    Examples
    --------
    >>> error = np.linspace(-1, 1, 199)
    >>> rows = {"mean": np.zeros(398), "sd": np.ones(398), "site": np.tile(np.arange(199), 2)}
    >>> found = CampaignConformal.of(np.r_[error, 3 * error], **rows, year=np.repeat([1980, 2000], 199))
    >>> found.quantile(0.95, [1980, 1990, 2000, 2005]).round(2)
    array([0.91, 1.82, 2.73, 2.73])
    """

    pooled: Conformal
    years: tuple[int, ...]
    campaigns: tuple[Conformal, ...]

    @classmethod
    def of(
        cls, observed, mean, sd, site, year, *, large: Mapping[int, bool] | None = None
    ) -> CampaignConformal:
        """Take held-out rows.

        Parameters
        ----------
        observed, mean, sd, site : array_like (rows,)
            As in `Conformal.of`.
        year : array_like (rows,) of int
        large : mapping of int -> bool, optional
            Campaigns, and which of them are calibrated alone; by default `large_campaigns` of these rows. Rows that
            are only some of a survey must be told what holds for all of it.

        Raises
        ------
        ValueError
            As `Conformal.of`.
        """
        observed, mean, sd, site, year = (np.asarray(values) for values in (observed, mean, sd, site, year))
        pooled = Conformal.of(observed, mean, sd, site)
        known = ~np.isnan(observed + mean + sd)
        large = large_campaigns(site[known], year[known]) if large is None else large
        found = []
        for each in sorted(large):
            rows = known & (year == each)
            alone = large[each] and rows.any()
            told = observed[rows], mean[rows], sd[rows], site[rows]
            found.append(Conformal.of(*told, floor=pooled.floor) if alone else pooled)
        return cls(pooled, tuple(sorted(large)), tuple(found))

    @property
    def n_sites(self) -> int:
        """Sites of all campaigns."""
        return self.pooled.n_sites

    @property
    def floor(self) -> float:
        """Spread that smaller ones count as. [kg/m2]"""
        return self.pooled.floor

    def at(self, year: int) -> Conformal:
        """Of a campaign; of all rows for a year without one."""
        return dict(zip(self.years, self.campaigns, strict=True)).get(int(year), self.pooled)

    def quantile(self, p: float, years) -> np.ndarray:
        """`Conformal.quantile` of each of some years, (years,).

        A campaign with too few sites for `p` takes the quantile of all rows, or its own outermost residual if that
        lies farther out: limits of a higher level never lie inside those of a lower one.
        """
        return np.interp(years, self.years, [self._quantile(each, p) for each in self.campaigns])

    def _quantile(self, campaign: Conformal, p: float) -> float:
        own = campaign.quantile(p)
        if np.isfinite(own):
            return own
        pooled = self.pooled.quantile(p)
        return max(pooled, campaign.residuals[-1]) if p >= 0.5 else min(pooled, campaign.residuals[0])

    def factor(self, years) -> np.ndarray:
        """`Conformal.factor` of each of some years, (years,). [1]"""
        return np.interp(years, self.years, [each.factor for each in self.campaigns])

    def why_no_limits(self, level: float) -> str:
        """As `Conformal.why_no_limits`."""
        return self.pooled.why_no_limits(level)

    def limits(self, mean, sd, level: float, years) -> tuple[np.ndarray, np.ndarray]:
        """As `Conformal.limits`, of arrays with years on axis 0.

        Parameters
        ----------
        mean, sd : array_like (years or 1, ...)
            [kg/m2]
        level : float
        years : array_like (years,) of int

        Returns
        -------
        low, high : ndarray (years, ...)
            [kg/m2]
        """
        mean, spread = as_floating(mean), np.maximum(as_floating(sd), self.floor)
        low, high = (self._along(self.quantile(p, years), spread) for p in tails(level))
        if not np.isfinite([low, high]).all():
            return tuple(
                np.full(np.broadcast_shapes(mean.shape, spread.shape, low.shape), np.nan) for _ in "lh"
            )
        return np.maximum(mean + low * spread, 0.0), mean + high * spread

    def deviation(self, sd, years) -> np.ndarray:
        """As `Conformal.deviation`, (years, ...). [kg/m2]"""
        spread = np.maximum(as_floating(sd), self.floor)
        return spread * self._along(self.factor(years), spread)

    @staticmethod
    def _along(values: np.ndarray, like: np.ndarray) -> np.ndarray:
        """One value a year for an array with years on axis 0, of its type."""
        return values.reshape(-1, *(1,) * (like.ndim - 1)).astype(like.dtype)
