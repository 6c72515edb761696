"""Maps of the prediction interval, from the mean and the spread of the trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map import schema
from poml_map.hybrid.intervals import CampaignConformal, Conformal, TreeSpread

#: Layer of the store from which changes are judged; no map is published of it.
P_VALUE = "CHANGE_POML_p"


@dataclass(frozen=True)
class MapIntervals:
    """How the spread of the trees becomes limits.

    Attributes
    ----------
    calibrated : CampaignConformal
        From residuals at held-out sites.
    level : float
        Share of samples that lie inside.
    years : range
        Of the maps.
    """

    calibrated: CampaignConformal
    level: float
    years: range

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the maps; without the limits where there are too few sites for them."""
        *limits, deviation = schema.interval_maps(self.level)
        return (deviation,) if self.calibrated.why_no_limits(self.level) else (*limits, deviation)

    def maps(self, mean: np.ndarray, tree_sd: np.ndarray) -> dict[str, np.ndarray]:
        """Maps by layer.

        Parameters
        ----------
        mean, tree_sd : ndarray of float32 (years or 1, rows, cols)
            Of the trees; NaN where there is no map. [kg/m2]

        Returns
        -------
        dict of str -> ndarray of float32 (years, rows, cols)
            Limits and standard deviation of a sample. [kg/m2]
        """
        limits = self.calibrated.limits(mean, tree_sd, self.level, self.years)
        deviation = self.calibrated.deviation(tree_sd, self.years)
        maps = zip(schema.interval_maps(self.level), (*limits, deviation), strict=True)
        return {name: values for name, values in maps if name in self.layers}


@dataclass(frozen=True)
class MapChange:
    """How the spread of the differences of the trees becomes limits of the change from one year to another.

    Attributes
    ----------
    calibrated : Conformal or TreeSpread
        From observed changes at held-out sites, or, where too few were observed, the spread as it is.
    level : float
        Share of changes of samples that lie inside.
    period : (int, int)
        First and last year, both mapped.
    """

    calibrated: Conformal | TreeSpread
    level: float
    period: tuple[int, int]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the maps: the limits, the deviation, and the p-value of no change."""
        return (*schema.change_interval_maps(self.level), P_VALUE)

    def maps(self, mean: np.ndarray, tree_sd: np.ndarray) -> dict[str, np.ndarray]:
        """Maps by layer.

        Parameters
        ----------
        mean, tree_sd : ndarray of float32 (rows, cols)
            Of the differences of the trees; NaN where there is no map. [kg/m2]

        Returns
        -------
        dict of str -> ndarray of float32 (rows, cols)
            [kg/m2], the p-value [1].
        """
        low, high = self.calibrated.limits(mean, tree_sd, self.level, -np.inf)
        found = (low, high, self.calibrated.deviation(tree_sd), self.calibrated.p_value(0.0, mean, tree_sd))
        return dict(zip(self.layers, found, strict=True))
