"""Whether a finished run is just what a command would make."""

from __future__ import annotations

import logging
from pathlib import Path

from poml_map.config import Region
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.digests import KnownDigests
from poml_map.pipeline.inputs import Inputs
from poml_map.pipeline.remembered import read_json, steps_in
from poml_map.pipeline.resume import MANIFEST, spoiled
from poml_map.pipeline.steps import LAW, Parts, map_parts, model_parts, product_parts, raster_parts
from poml_map.pipeline.trained import model_digest

log = logging.getLogger(__name__)


def is_finished(
    region: Region, out: Path, *, model: Path | None = None, known: KnownDigests | None = None, **options
) -> bool:
    """Whether `run_region` with these arguments would find nothing to do; reads all inputs and all outputs.

    Parameters
    ----------
    region : Region
    out : Path
    model : Path, optional
    known : KnownDigests, optional
        Of the inputs; outputs are always read.
    **options
        Those of `run_region` on which files depend: ``years``, ``engine``, ``tile_size``.
    """
    if not (out / MANIFEST).is_file():
        return False
    asked = Asked.of(region, options.pop("years", None), model=model, **options)
    return is_current(out, region, Inputs.of(region, model, known), asked)


def is_current(out: Path, region: Region, inputs: Inputs, asked: Asked) -> bool:
    """As `is_finished`, with the inputs read already; what is missing or damaged is told in the log."""
    manifest = read_json(out / MANIFEST)
    manifest["steps"] = steps_in(manifest.get("steps"))
    try:
        known = {name: step["parts"] for name, step in manifest["steps"].items()}
        if known != _expected(out, region, inputs, asked, manifest["steps"]):
            return False
        if asked.tile_size not in (None, manifest["steps"]["maps"]["tile_size"]):
            return False
        wrong = spoiled(out, manifest)
    except (KeyError, TypeError, ValueError):  # of an older version, no manifest at all, or no store
        return False
    for name in wrong:
        log.warning("  missing or damaged: %s", out / name)
    return not wrong


def _expected(out: Path, region: Region, inputs: Inputs, asked: Asked, steps: dict) -> dict[str, Parts]:
    """Parts of every step; what the maps take from the model beside its forests is told by the model's file."""
    digests, files = inputs.digests, steps["model"]["files"]
    if asked.model is None:
        model = model_parts(region, digests)
    else:
        model = {f"model: {name}": digest for name, digest in model_digest(asked.model).items()}
    maps = map_parts(region, digests, asked, files, steps["maps"]["parts"][LAW])
    rasters = raster_parts(region, digests, asked, files, maps)
    return {"model": model, "maps": maps, "rasters": rasters, "products": product_parts(region, rasters, out)}
