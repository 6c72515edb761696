"""Demo regions whose truth, noise and survey are changed: what `when_poml_wins.py` compares the models in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
import yaml

import poml_map
from poml_map.demo import survey
from poml_map.demo.fields import stream
from poml_map.demo.sizes import CAMPAIGNS, RUN_YEARS, SIZES
from poml_map.demo.truth import LEAST_STOCK, PARAMETERS, first_parts, true_stock
from poml_map.demo.world import cropland_places, make_world, target_grid
from poml_map.demo.write import write_demo
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.validation.gather import gather

_SD = np.hypot(PARAMETERS["sd_explained_by_covariates"], PARAMETERS["sd_of_unexplained_field"])


@dataclass(frozen=True)
class Scenario:
    """What is changed in a demo region; the defaults are the demo itself.

    Attributes
    ----------
    unexplained : float
        Share of the variance of the first stock that no covariate shows; the variance stays. [1]
    noise : float
        Standard deviation of a measured stock. [kg/m2]
    wrong : float
        How wrong the process model is: at 0 stocks grow as RothC says, with the parameters that fit the demo; at 1 by
        the demo's own laws; above 1 they differ from RothC by more than those. [1]
    sites : int
        Of the survey: the first ones of the demo's, which lie in random order.
    w_p : float
        Weight of the simulations. [1]
    leaf : int
        Least rows in a leaf, of POML and ML alike.
    """

    unexplained: float = float(PARAMETERS["sd_of_unexplained_field"] ** 2 / _SD**2)
    noise: float = PARAMETERS["measurement_sd"]
    wrong: float = 1.0
    sites: int = 428
    w_p: float = 0.5
    leaf: int = 1

    @property
    def name(self) -> str:
        """Of its files."""
        return "-".join(f"{getattr(self, field.name):.3g}" for field in fields(self))


class Basis:
    """A demo region of one seed, and what its variants are made of.

    Parameters
    ----------
    folder : Path
        Gets the region, and the variants beside it.
    size : str
    seed : int
    """

    def __init__(self, folder: Path, size: str, seed: int):
        self.folder, self.seed = folder, seed
        self._region = folder / f"{size}-{seed}"
        write_demo(self._region, size, seed)
        world = make_world(SIZES[size], seed)
        self.grid = target_grid(world)
        self._places = cropland_places(world, self.grid)
        self._chosen = survey.choose_sites(world, self.grid, self._places)
        self._parts = first_parts(world, self._places)
        demo = true_stock(world, self._places).astype(float)
        self._growth = demo / demo[0]  # the demo's pools are linear in its first stock
        self._errors = stream(seed, "laboratory").normal(size=(len(CAMPAIGNS), len(self._chosen)))
        self._cube = poml_map.open_cube(self._region / "region.yaml").rename(CLAY="clay")
        law = gather(check_region(self._region / "region.yaml")).parameters
        self._law = {"mu_max": float(law.mu_max), "k_m": float(law.k_m)}

    def truth(self, scenario: Scenario) -> np.ndarray:
        """True stock of every pixel, (years, y, x); NaN outside the cropland. [kg/m2]"""
        explained, unexplained = self._parts
        share = scenario.unexplained
        standard = np.sqrt(1 - share) * explained + np.sqrt(share) * unexplained
        first = np.maximum(PARAMETERS["mean_stock_1980"] + _SD * standard, LEAST_STOCK)
        growth = self._growth
        if scenario.wrong != 1:
            rothc = self._rothc(first)
            growth = (rothc / rothc[0]) ** (1 - scenario.wrong) * growth**scenario.wrong
        return self._on_grid(first * growth)

    def region(self, scenario: Scenario, truth: np.ndarray) -> Path:
        """A region file with samples of that truth."""
        folder = self.folder / f"{self._region.name}-{scenario.name}"
        folder.mkdir(exist_ok=True)
        true = truth.reshape(len(truth), -1)[:, self._places.index[self._chosen]]
        table = pd.read_csv(self._region / "samples.csv", dtype={"site": str}).drop(columns="soc_g_kg")
        stocks = [
            np.maximum(true[RUN_YEARS.index(year)] + scenario.noise * error, 0.2)
            for year, error in zip(CAMPAIGNS, self._errors, strict=True)
        ]
        table["stock"] = np.concatenate(stocks)
        known = table["site"].isin(table["site"].unique()[: scenario.sites])
        table[known].to_csv(folder / "samples.csv", index=False)
        settings = yaml.safe_load((self._region / "region.yaml").read_text(encoding="utf-8"))
        settings["hybrid"] |= {"w_p": scenario.w_p, "min_samples_leaf": scenario.leaf}
        settings |= {"catalog": f"../{self._region.name}/data_catalog.yaml", "data_roots": [".."]}
        columns = {"site": "site", "x": "lon", "y": "lat", "year": "year", "stock": "stock"}
        settings["samples"] = {"file": "samples.csv", "columns": columns, "units": {"stock": "kg/m2"}}
        (folder / "region.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        return folder / "region.yaml"

    def _rothc(self, first: np.ndarray) -> np.ndarray:
        """Stocks of the pixels by RothC from a first stock, (years, n). [kg/m2]"""
        start = self._on_grid(first[np.newaxis])[0]
        stock = xr.DataArray(start, dims=("y", "x"), attrs={"units": "kg/m2"})
        law = self._law | {"input_driver": "FER", "gaps": "nan"}
        found = poml_map.simulate(self._cube, stock, **law)["stock"].compute()
        return found.to_numpy().reshape(len(RUN_YEARS), -1)[:, self._places.index]

    def _on_grid(self, values: np.ndarray) -> np.ndarray:
        """Of pixels (years, n) a grid (years, y, x)."""
        maps = np.full((len(values), *self.grid.shape), np.nan)
        maps.reshape(len(values), -1)[:, self._places.index] = values
        return maps
