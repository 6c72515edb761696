"""Limits that hold at unseen sites: the spread of the trees, scaled by held-out residuals.

Where trees disagree, errors are larger; by how much is told by observations that the trees never saw. Their residual
over the spread, ``r = (observed - mean) / sd``, has a distribution that is taken as it is, signed, so that limits may
lie farther below than above. Nothing is assumed of its shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A spread below this share of the median spread of the held-out rows counts as this share: trees may agree by
#: chance, or because a leaf holds one site, and a residual over nearly nothing would rule every quantile.
FLOOR_SHARE = 0.05


@dataclass(frozen=True)
class Conformal:
    """Distribution of the normalised residuals, each site weighing the same. Make it with `Conformal.of`.

    Attributes
    ----------
    residuals : ndarray (rows,)
        Ascending. [1]
    weights : ndarray (rows,)
        ``1 / (n_i (n + 1))`` of a site with ``n_i`` rows; the rest to 1 is the weight of the unseen site. [1]
    n_sites : int
    floor : float
        Spread that smaller ones count as. [kg/m2]

    Notes
    -----
    A new site is one more of a kind: beside n sites its place among them is any of n + 1 with the same odds, so it
    has the weight 1 / (n + 1), and as nothing is known of its residual that weight lies at infinity on the side that
    is asked for. Sites count, not rows: the rows of one site are no independent witnesses. This is hierarchical
    conformal prediction: if all residuals come from one model that saw none of these sites, a limit is exceeded at no
    more than its share of new sites, as long as those are as the sampled ones. Where they come from the models of
    several folds (`cross_limits`, maps), that holds as closely as these models are alike.

    References
    ----------
    Lei et al. (2018), doi:10.1080/01621459.2017.1307116 (normalised residuals); Lee, Barber & Willett (2023),
    arXiv:2306.06342 (groups).

    Examples
    --------
    >>> sites = np.arange(39)
    >>> held_out = Conformal.of(observed=sites + 1.0, mean=np.full(39, 20.0), sd=np.ones(39), site=sites)
    >>> held_out.quantile(0.05), held_out.quantile(0.95)
    (-18.0, 18.0)
    >>> low, high = held_out.limits([30.0, 10.0], [1.0, 0.5], level=0.9)
    >>> low, high
    (array([12.,  1.]), array([48., 19.]))
    """

    residuals: np.ndarray
    weights: np.ndarray
    n_sites: int
    floor: float

    @classmethod
    def of(cls, observed, mean, sd, site, *, floor: float | None = None) -> Conformal:
        """Take held-out rows.

        Parameters
        ----------
        observed, mean, sd : array_like (rows,)
            Observation, and mean and spread of the trees of a forest that never saw its site. Rows with a NaN in one
            of them are left out. [kg/m2]
        site : array_like (rows,)
            Id of the site.
        floor : float, optional
            Spread that smaller ones count as; by default a share of their median. [kg/m2]

        Returns
        -------
        Conformal

        Raises
        ------
        ValueError
            If lengths differ, a spread is negative or a value infinite, or no row is complete.
        """
        observed, mean, sd = (np.asarray(values, dtype=np.float64) for values in (observed, mean, sd))
        site = np.asarray(site)
        _refuse(observed, mean, sd, site)
        known = ~np.isnan(observed + mean + sd)
        if not known.any():
            raise ValueError(
                f"none of {len(site)} held-out rows has observation, mean and sd, expected some. Mend: give "
                "held-out rows with a prediction."
            )
        error, sd, site = (observed - mean)[known], sd[known], site[known]
        floor = _floor(error, sd) if floor is None else floor
        residual = error / np.maximum(sd, floor)
        _, at, rows = np.unique(site, return_inverse=True, return_counts=True)
        order = np.argsort(residual, kind="stable")
        weights = 1.0 / (rows[at] * (len(rows) + 1.0))
        return cls(residual[order], weights[order], len(rows), floor)

    def quantile(self, p: float) -> float:
        """Normalised residual that a new site stays below (`p` from 0.5) or above (`p` below 0.5) as stated.

        Parameters
        ----------
        p : float
            Above 0 and below 1.

        Returns
        -------
        float
            From 0.5 on the smallest residual with at least the weight `p` up to it, else the largest with at least
            ``1 - p`` from it on; infinite where there are too few sites. [1]
        """
        if not 0.0 < p < 1.0:
            raise ValueError(f"p is {p!r}, expected a number above 0 and below 1. Mend: p=0.95.")
        if p >= 0.5:
            return _upper(self.residuals, self.weights, p)
        return -_upper(-self.residuals[::-1], self.weights[::-1], 1.0 - p)

    def why_no_limits(self, level: float) -> str:
        """Why `limits` are NaN at a level; empty where they are not.

        Examples
        --------
        >>> Conformal.of([1.0, 2.0], [1.0, 1.0], [1.0, 1.0], ["a", "b"]).why_no_limits(0.9)
        '2 sites are too few for limits at a level of 90 %: 19 are needed'
        """
        ends = tails(level)
        if np.isfinite([self.quantile(p) for p in ends]).all():
            return ""
        needed = int(np.ceil(np.round(2.0 / (1.0 - level), 9))) - 1
        return f"{self.n_sites} sites are too few for limits at a level of {100 * level:g} %: {needed} are needed"

    def limits(self, mean, sd, level: float, lowest: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Interval in which an observation at a new place lies at this level, as much left out below as above.

        Parameters
        ----------
        mean, sd : array_like (...)
            Of the trees, where limits are wanted. [kg/m2]
        level : float
            Above 0 and below 1; 0.9 gives the 5 % and 95 % limits.
        lowest : float
            What no observation lies below: 0 for a stock, minus infinity for a change. [kg/m2]

        Returns
        -------
        low, high : ndarray (...)
            `low` is not below `lowest`. NaN where `mean` or `sd` is, and all of it where there are too few sites, see
            `why_no_limits`. float32 if both come as float32. [kg/m2]
        """
        low, high = (self.quantile(p) for p in tails(level))
        mean, spread = as_floating(mean), self._spread(sd)
        if not np.isfinite([low, high]).all():
            return tuple(np.full(np.broadcast_shapes(mean.shape, spread.shape), np.nan) for _ in "lh")
        return np.maximum(mean + low * spread, lowest), mean + high * spread

    @property
    def factor(self) -> float:
        """Standard deviation of the normalised residuals: what a spread is multiplied by to be an error. [1]"""
        share = self.weights / self.weights.sum()
        return float(np.sqrt(share @ (self.residuals - share @ self.residuals) ** 2))

    def deviation(self, sd) -> np.ndarray:
        """Standard deviation of an observation at a new place, (...): the spread times `factor`. [kg/m2]"""
        return self._spread(sd) * self.factor

    def pit(self, observed, mean, sd) -> np.ndarray:
        """Probability integral transform: the share of the predictive distribution below an observation.

        Parameters
        ----------
        observed, mean, sd : array_like (rows,)
            [kg/m2]

        Returns
        -------
        ndarray (rows,)
            Evenly spread over 0 to 1 where the intervals are right at every level; many values in the middle mean
            intervals that are too wide. Equal residuals, and the unseen site, count half. NaN stays NaN. [1]
        """
        residual = self._normalised(observed, mean, sd)
        total = np.concatenate([[0.0], np.cumsum(self.weights)])
        below, upto = (total[np.searchsorted(self.residuals, residual, side)] for side in ("left", "right"))
        return np.where(np.isnan(residual), np.nan, (below + upto + 1.0 - total[-1]) / 2.0)

    def p_value(self, value, mean, sd) -> np.ndarray:
        """How little a value at a new place would surprise: twice the smaller share of residuals beyond it, at most 1.

        Parameters
        ----------
        value, mean, sd : array_like (...)
            Such as a change of 0, and mean and spread of the trees. [kg/m2]

        Returns
        -------
        ndarray (...) float64
            At most ``1 - level`` exactly where `limits` of that level do not hold the value. The unseen site counts
            on either side. NaN stays NaN. [1]

        Examples
        --------
        >>> held_out = Conformal.of(np.arange(39) - 19.0, np.zeros(39), np.ones(39), np.arange(39))
        >>> held_out.p_value(0.0, [0.0, 18.5, 30.0], [1.0, 1.0, 1.0])
        array([1.  , 0.1 , 0.05])
        """
        residual = self._normalised(value, mean, sd)
        total = np.concatenate([[0.0], np.cumsum(self.weights)])
        unseen = 1.0 - total[-1]
        upto = total[np.searchsorted(self.residuals, residual, "right")] + unseen
        beyond = total[-1] - total[np.searchsorted(self.residuals, residual, "left")] + unseen
        return np.where(np.isnan(residual), np.nan, np.minimum(2.0 * np.minimum(upto, beyond), 1.0))

    def crps(self, observed, mean, sd) -> np.ndarray:
        """Continuous ranked probability score: as an absolute error, of the whole distribution. Smaller is better.

        Parameters
        ----------
        observed, mean, sd : array_like (rows,)
            [kg/m2]

        Returns
        -------
        ndarray (rows,)
            The unseen site counts no weight. NaN stays NaN. [kg/m2]

        References
        ----------
        Gneiting & Raftery (2007), Eq. 21, doi:10.1198/016214506000001437
        """
        residual, share = self._normalised(observed, mean, sd), self.weights / self.weights.sum()
        weight = np.concatenate([[0.0], np.cumsum(share)])
        moment = np.concatenate([[0.0], np.cumsum(share * self.residuals)])
        # E|r - X| from sums over sorted residuals; half of E|X - X'| is the sum of x (2 F - 1), F amid its step.
        at = np.searchsorted(self.residuals, residual)
        distance = residual * (2 * weight[at] - 1) - 2 * moment[at] + moment[-1]
        middle = (weight[:-1] + weight[1:]) / 2
        own = float(share @ (self.residuals * (2 * middle - 1)))
        return (distance - own) * self._spread(sd)

    def _spread(self, sd) -> np.ndarray:
        return np.maximum(as_floating(sd), self.floor)

    def _normalised(self, observed, mean, sd) -> np.ndarray:
        return (np.asarray(observed, dtype=np.float64) - np.asarray(mean, dtype=np.float64)) / self._spread(
            sd
        )


def as_floating(values) -> np.ndarray:
    """float32 as it is, for maps; everything else as float64."""
    values = np.asarray(values)
    return values if values.dtype == np.float32 else values.astype(np.float64)


def tails(level: float) -> tuple[float, float]:
    """Lower and upper share of an interval; a level that is none is refused."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level is {level!r}, expected a number above 0 and below 1. Mend: level=0.9.")
    return (1.0 - level) / 2.0, (1.0 + level) / 2.0


def _upper(residuals, weights, p) -> float:
    """Smallest residual with at least the weight `p` up to it. Sums of weights are exact but for rounding."""
    reached = np.flatnonzero(np.cumsum(weights) >= p - 1e-12)
    return float(residuals[reached[0]]) if len(reached) else np.inf


def _floor(error, sd) -> float:
    """A spread above 0 that smaller ones count as."""
    for scale in (np.median(sd), sd.max(), np.sqrt(np.mean(error**2))):
        if scale > 0:
            return float(FLOOR_SHARE * scale)
    return 1.0  # neither spread nor error: any will do


def _refuse(observed, mean, sd, site):
    shapes = [values.shape for values in (observed, mean, sd, site)]
    if shapes != [(len(site),)] * 4:
        raise ValueError(
            f"observed, mean, sd and site have shapes {shapes}, expected four of one length. Mend: one row each."
        )
    for name, values in (("observed", observed), ("mean", mean), ("sd", sd)):
        bad = np.isinf(values) | ((values < 0) if name == "sd" else False)
        if bad.any():
            first = int(np.argmax(bad))
            raise ValueError(
                f"{name}[{first}] is {values[first]:g} ({int(bad.sum())} such values), expected finite numbers [kg/m2]"
                f"{', 0 or more' if name == 'sd' else ''}. Mend: correct these rows, or set them to NaN."
            )
