"""What held-out sites tell of the errors of means: of zones and region, in every year and of the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
        Years with observations, ascending.
    small : SmallAreas
        Residuals of the held-out places by zone. [kg/m2]
    near : dict of str -> ErrorCorrelation
        How alike errors are, of the ``level`` and of the ``change``; without those that too few places tell.
    notes : list of str
        What could not be known.
    """

    campaigns: list[int]
    small: SmallAreas
    near: dict[str, ErrorCorrelation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _together: dict[str, np.ndarray] = field(default_factory=dict)
    _clustered: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, model: str, held_out: pd.DataFrame, samples: Samples, places, cube: Cube, means: AreaMeans
    ) -> MeanErrors:
        """From the held-out predictions of a run.

        Parameters
        ----------
        model : str
        held_out : pandas.DataFrame
            ``site``, ``year``, ``observed`` and the model. [kg/m2]
        samples : Samples
        places : array_like (sites,) of int
            Place of each of ``samples.sites``; sites of one place are one witness.
        cube : Cube
        means : AreaMeans
        """
        place = pd.Series(places, index=samples.sites["site"])
        residual = held_out.assign(
            residual=held_out["observed"] - held_out[model], place=held_out["site"].map(place)
        )
        table = residual.pivot_table(index="year", columns="place", values="residual", dropna=False)
        sites = samples.sites.groupby(np.asarray(places))[["x", "y"]].mean().loc[table.columns]
        code = cube.zone_codes_at(sites["x"].to_numpy(), sites["y"].to_numpy())
        zone = np.full(len(code), -1)
        known = np.isin(code, means.codes)
        zone[known] = np.searchsorted(means.codes, code[known])
        sizes = np.array([area.area_m2 for area in means.areas])
        small = SmallAreas(table.to_numpy(), zone, sizes[:-1] / sizes[-1])
        found = cls([int(year) for year in table.index], small)
        found._fit(sites, cube, means)
        return found

    def _fit(self, sites: pd.DataFrame, cube: Cube, means: AreaMeans) -> None:
        """The correlations, and what follows from them for the pixels of each zone."""
        crs, residuals = cube.grid.crs, self.small.residuals
        positions = np.column_stack(metres(sites["x"], sites["y"], crs))
        *pixels, everywhere = (np.column_stack(metres(x, y, crs)) for x, y in means.positions(cube.grid))
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
            zones = zip(pixels, means.areas, strict=False)
            self._together[what] = np.array([near.of_mean(each, area.n_pixels) for each, area in zones])
            self._clustered[what] = near.of_difference(positions, everywhere)

    def at(self, year: int) -> AreaErrors:
        """Of the map of a year; between two campaigns of both, by their distance in time; outside them unknown."""
        return self._errors(self._weights(year), "level")

    def between(self, first: int, last: int) -> AreaErrors:
        """Of the change from one year to another; unknown where one lies outside the campaigns."""
        one, other = self._weights(first), self._weights(last)
        inside = one.any() and other.any()
        return self._errors((other - one) * inside, "change")

    def _weights(self, year: int) -> np.ndarray:
        if not self.campaigns[0] <= year <= self.campaigns[-1]:
            return np.zeros(len(self.campaigns))
        return np.array([np.interp(year, self.campaigns, each) for each in np.eye(len(self.campaigns))])

    def _errors(self, weights: np.ndarray, what: str) -> AreaErrors:
        variance = self.small.variance_of(weights) if weights.any() else 0.0
        local = self._together[what] * variance if what in self._together else None
        found = self.small.errors(weights, local, same_sites=what == "change")
        if self.small.n_zones or what not in self._clustered:
            return found
        # Without zones sites count as spread evenly; where they lie together the correlation tells that they are not.
        return replace(found, variance=np.maximum(found.variance, variance * self._clustered[what]))

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
            years between that have none, in these years; 0 in all others.
        """
        years = np.asarray(years)
        known = [year for year in self.campaigns if year in years]
        if len(known) < 2:
            return np.zeros_like(course)
        free = (years > known[0]) & (years < known[-1]) & ~np.isin(years, known)
        if not free.any():
            return np.zeros_like(course)
        at = np.searchsorted(years, known)
        lines = np.stack([np.interp(years, known, each[at]) for each in course.T], axis=1)
        size = np.sqrt(np.mean((course - lines)[free] ** 2, axis=0))
        return free[:, np.newaxis] * size

    def for_manifest(self) -> dict:
        """The correlations that were fitted."""
        return {
            what: {"share": each.share, "range_km": each.range_m / 1000, "n_places": each.n_sites}
            for what, each in self.near.items()
        }
