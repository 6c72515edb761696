"""Draws of the process model at the sites: other parameters, first stocks and inputs, from their errors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poml_map.config import Region
from poml_map.pipeline.parameters import Law
from poml_map.pipeline.site_model import SiteModel
from poml_map.rothc.draws import draw_law, draw_starts, forward_draws, input_factors
from poml_map.rothc.groups import GroupFits

# Streams of random numbers, apart from each other so that a change of one error leaves the others as they are.
_STOCK, _COMMON, _OWN, _LAW, _CLASS = range(5)


@dataclass(frozen=True)
class DrawSettings:
    """How many draws, and the errors they carry, as in the block `intervals:` of a region file.

    Attributes
    ----------
    draws : int
    stock_error : float
        Relative standard deviation of a site's first stock. [1]
    driver_error : float
        Relative standard deviation of the input driver's change up to the end of the run; half of its variance is
        common to all sites. [1]
    seed : int
    """

    draws: int = 50
    stock_error: float = 0.05
    driver_error: float = 0.1
    seed: int = 0

    @classmethod
    def of(cls, region: Region) -> DrawSettings | None:
        """Those of a region file; None if it has no such block."""
        asked = region.settings.intervals
        if asked is None:
            return None
        return cls(asked.draws, asked.stock_error, asked.driver_error, asked.seed)

    def normal(self, *stream_and_shape) -> np.ndarray:
        """Standard normal numbers (draws, ...) of a stream; the first argument names it, the others are the shape."""
        stream, *shape = stream_and_shape
        generator = np.random.default_rng([self.seed, *np.atleast_1d(stream).tolist()])
        return generator.normal(size=(self.draws, *shape))


@dataclass(frozen=True)
class SiteDraws:
    """Draws of a site model. What no fold changes, starts and inputs, is made once.

    Attributes
    ----------
    model : SiteModel
        With its spin-up.
    settings : DrawSettings
    order : ndarray of int, shape (n,), optional
        Position in the model of each site of the panel, which sorts them: random numbers go to sites in that order, so
        that a site has the same ones wherever it stands in its file. Default: as in the model.
    """

    model: SiteModel
    settings: DrawSettings
    order: np.ndarray | None = None
    _starts: tuple = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        asked, problem = self.settings, self.model.problem
        starts = draw_starts(self.model.spinup, asked.stock_error, self._of_sites(_STOCK))
        own, common = self._of_sites(_OWN), asked.normal(_COMMON, 1)
        factors = input_factors(problem.n_months, problem.start_month, asked.driver_error, common, own)
        object.__setattr__(self, "_starts", (starts, factors))

    def stocks(self, law: Law) -> np.ndarray:
        """Stock of every run year and site in each draw.

        Parameters
        ----------
        law : Law
            mu_max and K_m with their fit. Without a fit they are the same in all draws: given and assumed numbers
            have no error that could be drawn from.

        Returns
        -------
        ndarray, shape (draws, years, n)
            NaN before a site's first campaign. [kg/m2]
        """
        months = 12 * np.arange(len(self.model.years))
        pair = self._law(law)
        return forward_draws(self.model.problem, self.model.spinup, *self._starts, *pair, months)

    def _of_sites(self, stream: int) -> np.ndarray:
        """Standard normal numbers (draws, n) in the order of the model."""
        numbers = self.settings.normal(stream, self.model.problem.n_sites)
        if self.order is not None:
            numbers[:, self.order] = numbers.copy()
        return numbers

    def _law(self, law: Law) -> tuple[np.ndarray, np.ndarray]:
        """mu_max and K_m, each (draws, 1), or with groups (draws, n)."""
        draws = self.settings.draws
        if law.fit is None:
            return tuple(
                np.tile(np.atleast_1d(value), (draws, 1)).astype(float) for value in (law.mu_max, law.k_m)
            )
        normal = self.settings.normal(_LAW, 2)
        if not isinstance(law.fit, GroupFits):
            return tuple(values[:, np.newaxis] for values in draw_law(law.fit, normal))
        classes = self.model.classes
        mu_max, k_m = (
            np.tile(values[:, np.newaxis], len(classes)) for values in draw_law(law.fit.pooled, normal)
        )
        for group, fit in law.fit.fits.items():
            # A stream of each class: fits of other sites have other errors.
            own = draw_law(fit, self.settings.normal((_CLASS, group % 2**32), 2))
            for values, drawn in zip((mu_max, k_m), own, strict=True):
                values[:, classes == group] = drawn[:, np.newaxis]
        return mu_max, k_m
