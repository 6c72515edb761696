"""Maps of the prediction interval, from the mean and the spread of the trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poml_map import schema
from poml_map.hybrid.intervals import Conformal


@dataclass(frozen=True)
class MapIntervals:
    """How the spread of the trees becomes limits.

    Attributes
    ----------
    calibrated : Conformal
        From residuals at held-out sites.
    level : float
        Share of samples that lie inside.
    """

    calibrated: Conformal
    level: float

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the maps; without the limits where there are too few sites for them."""
        *limits, deviation = schema.interval_maps(self.level)
        return (deviation,) if self.calibrated.why_no_limits(self.level) else (*limits, deviation)

    def maps(self, mean: np.ndarray, tree_sd: np.ndarray) -> dict[str, np.ndarray]:
        """Maps by layer.

        Parameters
        ----------
        mean, tree_sd : ndarray of float32 (...)
            Of the trees; NaN where there is no map. [kg/m2]

        Returns
        -------
        dict of str -> ndarray of float32 (...)
            Limits and standard deviation of a sample. [kg/m2]
        """
        *ends, deviation = (
            *self.calibrated.limits(mean, tree_sd, self.level),
            self.calibrated.deviation(tree_sd),
        )
        maps = zip(schema.interval_maps(self.level), (*ends, deviation), strict=True)
        return {name: values for name, values in maps if name in self.layers}
