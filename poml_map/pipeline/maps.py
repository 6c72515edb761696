"""From the store to what people take away: GeoTIFFs of every model, the animation, first and last year."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.mapping import open_store
from poml_map.pipeline.checks import fill_text
from poml_map.pipeline.report import Notes
from poml_map.products import animate, draw_comparison, regional_means, write_years
from poml_map.units import STOCK_LABELS, stock_factor

# A chunk of the store holds all years of a tile. Read year by year it is unpacked as often as there are years,
# so the maps of a model are read at once where they fit in this. [bytes]
_AT_ONCE = 256 * 2**20


def write_products(
    region: Region, cube: Cube, store: Path, folder: Path, wanted: range, notes: Notes, digest
) -> dict:
    """Write `maps/`, `SOCS_POML.gif` and `first_and_last_year.png` into `folder`.

    Pools and CO2 of the process model are among the maps if the region asks for them.

    Parameters
    ----------
    region : Region
    cube : Cube
    store : Path
        Finished store.
    folder : Path
    wanted : range
        Years of which maps are written.
    notes : Notes
        What stands on every product.
    digest : str
        Of all inputs.

    Returns
    -------
    dict
        Means of the region by model and year, in the region's unit, for manifest and report.
    """
    settings, maps = region.settings, open_store(store) * stock_factor(region.settings.units)
    (folder / "maps").mkdir()
    tags = {"INPUT_DIGEST": digest, "REGION": settings.name, **notes.tags}
    tags |= {f"FILLED_{fill['column'].upper()}": fill_text(fill) for fill in cube.fills}
    about = {"depth_cm": settings.depth_cm, "tags": tags, "month": settings.sampling_month}
    title = f"{settings.title or settings.name}: soil organic carbon stock, 0-{settings.depth_cm:g} cm"
    looks = {"grid": cube.grid, "unit": settings.units, "title": title, "notes": notes.lines}
    looks["outlines"] = cube.outlines()
    first, ends = wanted[0] - region.years[0], (0, len(region.years) - 1)
    panels = {}
    for model in schema.MODELS:
        values = _at_once(maps[model])
        chosen = values.data[first : first + len(wanted)]
        write_years(
            folder / "maps", chosen, list(wanted), cube.grid, model=model, unit=settings.units, **about
        )
        if model == "POML":
            animate(chosen, list(wanted), folder / "SOCS_POML.gif", **looks)
        panels[model] = [values[index].to_numpy().copy() for index in ends]  # a view would keep all years
        del values, chosen  # before the next model is read
    for name in (name for kind in settings.rothc.map_outputs for name in schema.PROCESS_MAPS[kind]):
        # Nothing is known of the carbon respired in the twelve months before the first stock.
        years = [year for year in wanted if name not in schema.PROCESS_MAPS["co2"] or year > region.years[0]]
        values = _at_once(maps[name]).data[[year - region.years[0] for year in years]]
        write_years(folder / "maps", values, years, cube.grid, model=name, unit=settings.units, **about)
        del values
    labels = [str(region.years[index]) for index in ends]
    draw_comparison(panels, labels, folder / "first_and_last_year.png", change=True, **looks)
    means = regional_means(maps[list(schema.MODELS)], cube.grid)
    return {"unit": STOCK_LABELS[settings.units], "year": list(region.years), "models": means}


def _at_once(maps: xr.DataArray) -> xr.DataArray:
    # A copy: `load` would fill the Dataset that the maps belong to, and so keep every model.
    return maps.compute(scheduler="threads") if maps.nbytes <= _AT_ONCE else maps
