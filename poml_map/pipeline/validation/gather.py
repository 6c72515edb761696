"""Everything that a validation reads, at the sites and in the order of the panel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr

from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.hybrid import PomlForest, SitePanel
from poml_map.pipeline.checks import Checked, read_sites
from poml_map.pipeline.fold_process import FoldProcess, fold_process
from poml_map.pipeline.panel import panel_order, region_forest, region_panel
from poml_map.pipeline.parameters import Parameters, find_parameters
from poml_map.pipeline.places import Places, find_places, metres
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.report import Notes
from poml_map.pipeline.site_model import SiteModel, build_site_model
from poml_map.sites import Samples


@dataclass(frozen=True)
class Gathered:
    """A region at its sites.

    Attributes
    ----------
    region : Region
    cube : Cube
    samples : Samples
    points : xarray.Dataset
        The cube at ``samples.sites``, in that order.
    model : SiteModel
        RothC at ``samples.sites``.
    parameters : Parameters
        From all sites.
    panel : SitePanel
    order : ndarray of int, shape (sites,)
        Position in ``samples.sites`` of each site of the panel.
    places : Places
        Which sites are one place, in the order of ``samples.sites``.
    notes : Notes
    """

    region: Region
    cube: Cube
    samples: Samples
    points: xr.Dataset
    model: SiteModel
    parameters: Parameters
    panel: SitePanel
    order: np.ndarray
    places: Places
    notes: Notes

    @property
    def place_of_site(self) -> np.ndarray:
        """Number of the place of each site of the panel, shape (sites,)."""
        return self.places.group[self.order]

    @property
    def position(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the sites of the panel, shape (sites,) each. [m]"""
        sites = self.samples.sites
        x, y = metres(sites["x"].to_numpy(), sites["y"].to_numpy(), self.cube.grid.crs)
        return x[self.order], y[self.order]

    @cached_property
    def process(self) -> FoldProcess:
        """The process model by training sites, see `fold_process`; one for all stages."""
        return fold_process(self.region, self.model, self.order)

    def process_with(self, observed: np.ndarray) -> FoldProcess:
        """The process model that would be made from other later observations, (years, sites) of the panel. [kg/m2]"""
        in_order = np.empty_like(observed)
        in_order[:, self.order] = observed
        problem = self.model.problem
        stock = in_order[problem.month_index // 12, problem.site_index]
        altered = replace(self.model, problem=replace(problem, stock=stock))
        return fold_process(self.region, altered, self.order)

    def forest(self, trees: int, repeat: int = 0) -> PomlForest:
        """A forest of so many trees, not fitted; each repeat has a seed of its own, the first that of the region."""
        forest = region_forest(self.region)
        return forest.set_params(n_trees=trees, seed=forest.seed + repeat)

    def zones(self) -> np.ndarray:
        """Position of each site of the panel in the names and keys of the zones of the cube, -1 outside all."""
        sites = self.samples.sites
        return self.cube.zone_codes_at(sites["x"].to_numpy(), sites["y"].to_numpy())[self.order]


def gather(checked: Checked) -> Gathered:
    """Read the samples and the cube at the sites, and fit the process model to all of them.

    Parameters
    ----------
    checked : Checked

    Returns
    -------
    Gathered

    Raises
    ------
    InputError
        If samples, cube or process model are wrong.
    """
    region = checked.region
    samples, points = read_sites(region, checked.cube, checked.samples)
    model = build_site_model(region, samples, points, process_options(region))
    parameters = find_parameters(region, model)
    panel = region_panel(region, samples, points)
    return Gathered(
        region,
        checked.cube,
        samples,
        points,
        model,
        parameters,
        panel,
        panel_order(panel, samples),
        find_places(samples, checked.cube.grid.crs),
        Notes.of(region, parameters),
    )
