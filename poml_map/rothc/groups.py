"""mu_max and K_m fitted apart for groups of sites, such as land uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .calibrate import CalibrationError, CalibrationResult, calibrate
from .columns import by_class

LEAST_OBSERVATIONS = 10
"""Later observations that a group needs for a fit of its own: five for each parameter."""


@dataclass(frozen=True)
class GroupFits:
    """One fit of all sites, and one for each group that has enough observations.

    Attributes
    ----------
    pooled : CalibrationResult
        Of all sites together.
    fits : dict of int -> CalibrationResult
        Groups with a fit of their own.
    counts : dict of int -> int
        Later observations of every group.
    least : int
        Observations that a fit of its own needs.
    """

    pooled: CalibrationResult
    fits: dict[int, CalibrationResult]
    counts: dict[int, int]
    least: int

    @property
    def too_few(self) -> dict[int, int]:
        """Groups that take the pooled parameters, and their later observations."""
        return {group: count for group, count in self.counts.items() if group not in self.fits}

    @property
    def table(self) -> dict[int, tuple[float, float]]:
        """mu_max [-] and K_m [kg/m2] of the groups with a fit of their own."""
        return {group: (fit.mu_max, fit.k_m) for group, fit in self.fits.items()}

    def parameters(self, groups):
        """mu_max [-] and K_m [kg/m2] for any array of groups (...); an unknown group takes the pooled fit."""
        mu_max, k_m = by_class(groups, self.table, (self.pooled.mu_max, self.pooled.k_m))
        return mu_max, k_m


def calibrate_groups(
    problem, groups, n_starts=5, weights=None, *, least=LEAST_OBSERVATIONS, profile=True
) -> GroupFits:
    """Fit mu_max and K_m to all sites together, and to each group of sites alone.

    Parameters
    ----------
    problem : CalibrationProblem
    groups : array_like (n,)
        Group of each site, a whole number; a site without one (NaN) is in the pooled fit alone.
    n_starts, weights, profile
        As in `calibrate`.
    least : int
        Later observations that a group needs. One with fewer takes the pooled parameters.

    Returns
    -------
    GroupFits

    Raises
    ------
    CalibrationError
        If the pooled fit or that of a group is none; names the group.
    ValueError
        If `groups` has another shape or a number that is not whole, or as `calibrate`.

    Examples
    --------
    >>> from poml_map.rothc import CalibrationProblem, forward
    >>> bio = np.linspace(0.05, 0.2, 24)
    >>> sites = dict(start=np.stack([0.2 * bio, 6 * bio, bio, 40 * bio]), iom=np.full(24, 0.4), clay=23.4)
    >>> sites |= dict(rate=np.ones((24, 24)), c_input=np.full((24, 24), 0.02))
    >>> groups = np.repeat([1, 2], 12)
    >>> stock = forward(CalibrationProblem(**sites), np.where(groups == 1, 1.5, 0.8), 0.1, [24])[0]
    >>> observed = dict(site_index=np.arange(24), month_index=np.full(24, 24), stock=stock)
    >>> found = calibrate_groups(CalibrationProblem(**sites, **observed), groups, profile=False)
    >>> {group: (round(fit.mu_max, 4), round(fit.k_m, 4)) for group, fit in found.fits.items()}
    {1: (1.5, 0.1), 2: (0.8, 0.1)}
    """
    groups = _checked(groups, problem.n_sites)
    pooled = calibrate(problem, n_starts, weights, profile=profile)
    observed = groups[problem.site_index]
    found = np.unique(groups[~np.isnan(groups)])
    counts = {int(group): int(np.count_nonzero(observed == group)) for group in found}
    fits = {}
    for group, count in counts.items():
        if count >= least:
            own = None if weights is None else np.asarray(weights)[observed == group]
            fits[group] = _fit(problem.subset(groups == group), group, count, n_starts, own, profile)
    return GroupFits(pooled, fits, counts, int(least))


def _fit(problem, group, count, n_starts, weights, profile):
    try:
        return calibrate(problem, n_starts, weights, profile=profile)
    except CalibrationError as error:
        raise CalibrationError(f"group {group} ({count} later observations): {error}") from error


def _checked(groups, n_sites):
    groups = np.asarray(groups, dtype=np.float64)
    if groups.shape != (n_sites,):
        raise ValueError(
            f"groups has shape {groups.shape}, expected ({n_sites},). Mend: give each site one group."
        )
    broken = ~np.isnan(groups) & (groups != np.round(groups))
    if broken.any():
        index = int(np.argmax(broken))
        raise ValueError(
            f"groups[{index}] is {groups[index]:g}, expected a whole number. Mend: give classes, not measures."
        )
    return groups
