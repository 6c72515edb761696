"""A run folder made by hand, with a map of every kind."""

from types import SimpleNamespace

import numpy as np
import pytest

from poml_map.grid import Grid
from poml_map.products import map_name, write_map
from poml_map.units import stock_factor

GRID = Grid("EPSG:32651", (500.0, 0.0, 200000.0, 0.0, -500.0, 3400000.0), 60, 40)
TAGS = {
    "REGION": "mini",
    "INPUT_DIGEST": "ab12",
    "SYNTHETIC": True,
    "STAND_IN": "CLAY",
    "FILLED_NDVI": "ndvi of 1980: mean of 1982",
}


def _layers():
    """Layer, years, factor on the stock in kg/m2 (None for what has no unit)."""
    for year in (1980, 1990, 2000):
        yield from (("POML", (None, year), 1.0), ("ML", (None, year), 1.1), ("PO", (None, year), 0.9))
        yield from ((f"POML_{part}", (None, year), factor) for part, factor in (("q05", 0.8), ("q95", 1.2)))
        yield from (("POML_sd", (None, year), 0.1), ("AOA", (None, year), None), ("BIO", (None, year), 0.02))
    for model in ("POML", "ML", "PO"):
        yield from ((f"{head}_{model}", (1980, 2000), 0.2) for head in ("CHANGE", "RATE"))
    yield from ((f"CHANGE_POML_{part}", (1980, 2000), 0.1) for part in ("q05", "q95", "sd"))
    yield "CHANGE_POML_class", (1980, 2000), None


@pytest.fixture
def handmade(tmp_path):
    """Makes a run folder; `stock` [kg/m2] and its mask are those of every layer, times what suits it."""

    def make(unit="kg/m2", grid=GRID, stock=None, keep=lambda layer: True, folder="run"):
        if stock is None:
            stock = np.random.default_rng(0).uniform(2, 6, grid.shape)
            stock[: grid.height // 3, : grid.width // 4] = np.nan
        run = tmp_path / folder
        (run / "maps").mkdir(parents=True)
        for layer, (first, year), factor in _layers():
            if keep(layer):
                classes = np.where(np.isnan(stock), np.nan, np.arange(grid.width) % 3)
                values = classes - 1 if factor is None else stock * factor * stock_factor(unit)
                path = run / "maps" / map_name(layer, year, first)
                more = {"CALIBRATION": "at held-out sites"} if layer.startswith("POML_") else {}
                write_map(
                    path, values, grid, model=layer, year=year, unit=unit, depth_cm=20, tags=TAGS | more,
                    first_year=first,
                )  # fmt: skip
        return SimpleNamespace(folder=run, grid=grid, stock=stock)

    return make
