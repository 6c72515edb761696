"""Maps of the prediction interval, from the mean and the spread of the trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map import schema
from poml_map.hybrid.intervals import CampaignConformal


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
