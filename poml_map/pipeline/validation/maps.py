"""All pixels and years by the forests of all sites: what pictures of maps, known truth and applicability need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from poml_map.hybrid import PomlForest, TrainingRows
from poml_map.mapping import TILE_SIZE, create_store, map_region, read_years
from poml_map.pipeline.progress import Progress
from poml_map.pipeline.tile_model import tile_model
from poml_map.pipeline.validation.assess import Fits
from poml_map.pipeline.validation.gather import Gathered


@dataclass(frozen=True)
class Mapped:
    """Maps of every model and year, and what made them.

    Attributes
    ----------
    store : Path
        Zarr, as that of a run; it goes when the block of `mapped` ends.
    poml, ml : PomlForest
    rows : TrainingRows
        Of the POML forest, all sites.
    years : range
    """

    store: Path
    poml: PomlForest
    ml: PomlForest
    rows: TrainingRows
    years: range

    def read(self, model: str, year: int):
        """Map (y, x) of one model and year. [kg/m2]"""
        at = year - self.years[0]
        return read_years(self.store, model, slice(at, at + 1))[0]


@contextmanager
def mapped(gathered: Gathered, trees: int, folder: Path, fits: Fits) -> Iterator[Mapped]:
    """Fit both forests on all sites and map the region with them while the block runs.

    Parameters
    ----------
    gathered : Gathered
    trees : int
    folder : Path
        In which the store lies for that time.
    fits : Fits
        Counts along.

    Yields
    ------
    Mapped
    """
    region, panel, cube = gathered.region, gathered.panel, gathered.cube
    hybrid = region.settings.hybrid
    stocks = gathered.model.simulate(*gathered.parameters.at(gathered.model))[:, gathered.order]
    rows = panel.training_rows(stocks, hybrid.w_p, time_weight=hybrid.time_weight)
    alone = panel.training_rows(None, 0.0)
    fits.begin()
    fitted = []
    for each in (rows, alone):
        fitted.append(gathered.forest(trees).fit(each.X, each.y, each.weight))
        fits.grown("maps")
    tiles = tile_model(region, *fitted, gathered.parameters)
    with TemporaryDirectory(dir=folder, prefix=".maps-") as name:
        store = Path(name) / "maps.zarr"
        create_store(store, cube.grid, region.years, tiles.layers, TILE_SIZE, {})
        read = partial(cube.read_tile, mapped_only=True)
        map_region(read, cube.grid, tiles, store, progress=Progress("maps"))
        cube.forget()
        yield Mapped(store, *fitted, rows, region.years)
