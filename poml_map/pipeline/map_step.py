"""The second step of a run: the store with the maps of every model and year."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from poml_map.config import Region
from poml_map.errors import InputError, Problem
from poml_map.mapping import TILE_SIZE, MapSummary, create_store, map_region
from poml_map.pipeline.content import pixel_warnings
from poml_map.pipeline.context import Run
from poml_map.pipeline.memory import give_back
from poml_map.pipeline.progress import Progress
from poml_map.pipeline.report import Notes
from poml_map.pipeline.resume import STORE
from poml_map.pipeline.scheduler import executor_for, fitting_tile_size
from poml_map.pipeline.site_facts import balance_text
from poml_map.pipeline.steps import Parts, law_digest, map_parts
from poml_map.pipeline.tile_model import tile_model
from poml_map.pipeline.trained import Trained, model_digest

log = logging.getLogger(__name__)


def map_step(run: Run, trained: Trained, notes: Notes) -> tuple[MapSummary, Parts]:
    """Map every tile that is not in the store yet.

    Returns
    -------
    summary : MapSummary
    parts : dict
        What the maps depend on.

    Raises
    ------
    InputError
        If no pixel can be mapped, or as `map_region`.
    ResourceError
        If the workers of a cluster are lost, or cannot hold a tile.
    """
    region, asked, settings = run.region, run.asked, run.region.settings
    intervals = trained.learned.intervals
    limits = (None, None) if intervals is None else intervals.of_maps(asked.wanted)
    law = law_digest(trained, limits)
    parts = map_parts(region, run.inputs.digests, asked, model_digest(run.folder), law)
    learned, parameters = trained.learned, trained.parameters
    tiles = tile_model(region, learned.poml, learned.ml, parameters, asked.engine, *limits)
    attrs = {"title": settings.title or settings.name, "notes": "; ".join(notes.lines)}
    give_back()
    with executor_for(asked.scheduler, asked.workers, run.folder) as executor:
        size = asked.tile_size or run.done.tile_size(parts) or TILE_SIZE
        spinup = len(*run.cube.spinup_coords.values())
        size = fitting_tile_size(executor, tiles, size, spinup_months=spinup, shared=run.cube.most_kept)

        def create(store: Path) -> None:
            create_store(store, run.cube.grid, region.years, tiles.layers, size, attrs, tiles.change_layers)

        journal = run.done.tiles(parts, size, [*tiles.layers, *tiles.change_layers], create)
        summary = map_region(
            partial(run.cube.read_tile, mapped_only=True),
            run.cube.grid,
            tiles,
            run.folder.absolute() / STORE,
            tile_size=size,
            executor=executor,
            journal=journal,
            progress=Progress("maps"),
        )
    _refuse_empty(region, summary)
    log.info("  %s", balance_text(summary.balance, settings.units, region.years[-1], "pixel"))
    run.cube.forget()
    give_back()
    return summary, parts


def _refuse_empty(region: Region, summary: MapSummary) -> None:
    if summary.pixels.get("mapped"):
        for text in pixel_warnings(summary):
            log.warning("  warning: %s", text)
        return
    found = ", ".join(f"{count:,} pixels {name}" for name, count in summary.pixels.items())
    raise InputError(
        Problem(region.file, "area", f"no pixel to map ({found})", "pixels with data in the area")
    )
