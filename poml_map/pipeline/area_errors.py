"""What held-out sites tell of the errors of means: of zones and region, in every year and of the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from poml_map.cube import Cube
from poml_map.hybrid.space import AreaErrors, ErrorCorrelation, SmallAreas
from poml_map.pipeline.areas import AreaMeans
from poml_map.pipeline.places import metres
from poml_map.sites import Samples

#: Models whose means have limits. PO starts from the map of ML: its scores at sites, where it starts from a measured
#: stock, tell nothing of its map.
WITH_LIMITS = ("POML", "ML")


@dataclass
class MeanErrors:
    """Errors of the means of one model. Make it with `MeanErrors.of`.

    Attributes
    ----------
    campaigns : list of int
        Years with observations.
    small : SmallAreas
        Residuals of the held-out sites by zone. [kg/m2]
    near : dict of str -> ErrorCorrelation
        How alike errors are, of the ``level`` and of the ``change``; without those that too few sites tell.
    notes : list of str
        What could not be known.
    """

    campaigns: list[int]
    small: SmallAreas
    near: dict[str, ErrorCorrelation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _together: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(
        cls, model: str, held_out: pd.DataFrame, samples: Samples, cube: Cube, means: AreaMeans
    ) -> MeanErrors:
        """From the held-out predictions of a run.

        Parameters
        ----------
        model : str
        held_out : pandas.DataFrame
            ``site``, ``year``, ``observed`` and the model. [kg/m2]
        samples : Samples
        cube : Cube
        means : AreaMeans
        """
        residual = held_out.assign(residual=held_out["observed"] - held_out[model])
        table = residual.pivot_table(index="year", columns="site", values="residual", dropna=False)
        sites = samples.sites.set_index("site").loc[table.columns]
        code = cube.zone_codes_at(sites["x"].to_numpy(), sites["y"].to_numpy())
        place = np.searchsorted(means.codes, code)
        known = np.isin(code, means.codes)
        zone = np.where(known, np.where(known, place, 0), -1)
        found = cls([int(year) for year in table.index], SmallAreas(table.to_numpy(), zone, len(means.codes)))
        found._fit(np.column_stack(metres(sites["x"], sites["y"], cube.grid.crs)), cube, means)
        return found

    def _fit(self, positions: np.ndarray, cube: Cube, means: AreaMeans) -> None:
        """The correlations, and what follows from them for the pixels of each zone."""
        residuals = self.small.residuals
        pixels = [np.column_stack(metres(x, y, cube.grid.crs)) for x, y in means.positions(cube.grid)[:-1]]
        rows = {"level": residuals}
        if len(residuals) > 1:
            rows["change"] = residuals[[-1]] - residuals[[0]]
        for what, values in rows.items():
            try:
                near = ErrorCorrelation.of(positions, values)
            except ValueError as error:
                self.notes.append(f"how errors of neighbours go together ({what}) is not known: {error}")
                continue
            self.near[what] = near
            together = [
                near.of_mean(each, area.n_pixels) for each, area in zip(pixels, means.areas, strict=False)
            ]
            self._together[what] = np.array(together)

    def at(self, year: int) -> AreaErrors:
        """Of the map of a year; between two campaigns of both, by their distance in time."""
        return self._errors(self._weights(year), "level")

    def between(self, first: int, last: int) -> AreaErrors:
        """Of the change from one year to another."""
        return self._errors(self._weights(last) - self._weights(first), "change")

    def _weights(self, year: int) -> np.ndarray:
        return np.array([np.interp(year, self.campaigns, each) for each in np.eye(len(self.campaigns))])

    def _errors(self, weights: np.ndarray, what: str) -> AreaErrors:
        if not weights.any():  # years with one and the same campaign: no change was observed
            nothing = np.full(self.small.n_zones + 1, np.nan)
            return AreaErrors(nothing, nothing, np.ones_like(nothing))
        local = None
        if what in self._together:
            local = self._together[what] * self.small.variance_of(weights)
        return self.small.errors(weights, local)

    def swings(self, course: np.ndarray, years: Sequence[int]) -> np.ndarray:
        """How far means go their own way between campaigns: no held-out site tells whether they are right in it.

        Parameters
        ----------
        course : ndarray (years, areas)
            Means of the map.
        years : sequence of int

        Returns
        -------
        ndarray (years, areas)
            Standard deviation: the root mean square of the distance from straight lines between campaigns over the
            years without one, in these years; 0 in years with a campaign.
        """
        years = np.asarray(years)
        lines = np.stack([self._line(each, years) for each in course.T], axis=1)
        free = ~np.isin(years, self.campaigns)
        if not free.any():
            return np.zeros_like(course)
        size = np.sqrt(np.mean((course - lines)[free] ** 2, axis=0))
        return free[:, np.newaxis] * size

    def _line(self, course: np.ndarray, years: np.ndarray) -> np.ndarray:
        known = [year for year in self.campaigns if year in years]
        return np.interp(years, known, course[np.searchsorted(years, known)])

    def for_manifest(self) -> dict:
        """The correlations that were fitted."""
        return {
            what: {"share": each.share, "range_km": each.range_m / 1000, "n_sites": each.n_sites}
            for what, each in self.near.items()
        }
