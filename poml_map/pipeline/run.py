"""`poml-map run`: the steps of one region in order, each only if what it depends on changed."""

from __future__ import annotations

import logging
from itertools import groupby
from pathlib import Path

from poml_map import schema
from poml_map.config import Region
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.checks import check_region, fill_text
from poml_map.pipeline.context import Run
from poml_map.pipeline.current import is_current
from poml_map.pipeline.digests import KnownDigests
from poml_map.pipeline.heard import listening, log_file
from poml_map.pipeline.inputs import Inputs
from poml_map.pipeline.map_step import map_step
from poml_map.pipeline.memory import share_heaps
from poml_map.pipeline.model_step import model_step
from poml_map.pipeline.product_step import product_step
from poml_map.pipeline.progress import Stopwatch, duration
from poml_map.pipeline.report import Notes, one_campaign_warning
from poml_map.pipeline.resume import Progressed
from poml_map.pipeline.scheduler import check_scheduler
from poml_map.pipeline.staging import staging
from poml_map.pipeline.trained import require_model
from poml_map.products import made_maps

log = logging.getLogger(__name__)


def run_region(
    region_file: str | Path | Region,
    out: str | Path = "run",
    *,
    years: tuple[int, int] | None = None,
    workers: int | None = None,
    tile_size: int | None = None,
    engine: str = "auto",
    scheduler: str | None = None,
    model: str | Path | None = None,
    known: KnownDigests | None = None,
) -> list[str]:
    """Make the annual maps of one region.

    The same call on the folder of a run that was stopped goes on with it; on that of a finished one it makes again
    what depends on something that changed, and what is missing or damaged.

    Parameters
    ----------
    region_file : str, Path or Region
    out : str or Path
        Folder of the run; made if it is not there.
    years : (int, int), optional
        First and last year of which maps are written; default all of the region file. The models always see
        all years.
    workers : int, optional
        Threads; default one a core, six at most.
    tile_size : int, optional
        Pixels along one side of a tile. No value depends on it.
    engine : {"auto", "fast", "sklearn"}
        What maps the forests, see `poml_map.mapping.forest_mapper`.
    scheduler : str, optional
        Who maps the tiles: ``threads``, ``local``, the address of a dask scheduler or its file; default what
        DASK_SCHEDULER_ADDRESS says, else threads.
    model : str or Path, optional
        Folder of a finished run, or of `train_region`, whose model maps this region; no samples are read then.
    known : KnownDigests, optional
        Digests of inputs that another run of this session took.

    Returns
    -------
    list of str
        Lines for people: the accuracy table and every file that was made.

    Raises
    ------
    InputError
        If anything that goes in is wrong; then no output is left.
    ResourceError
        If the disk or folder refuses, or a cluster is lost; what is finished stays for the next call.
    """
    share_heaps()
    watch, out = Stopwatch(), Path(out)
    check_scheduler(scheduler)
    model = None if model is None else require_model(Path(model))
    options = {"workers": workers, "tile_size": tile_size, "scheduler": scheduler, "model": model}
    with listening() as heard:
        with watch.stage("checking"):
            checked = check_region(region_file, with_samples=model is None)
            asked = Asked.of(checked.region, years, engine, **options)
            inputs = Inputs.of(checked.region, model, known)
        outdated: list[str] = []
        with staging(out, resumable=True, outdated=outdated) as folder:
            done = Progressed.look(folder, out)
            run = Run(checked, asked, inputs, folder, out, done, watch, heard)
            if is_current(out, checked.region, inputs, asked):
                done.clear()
                return ["Nothing to do: every file is there, and is what this command makes.", *_listing(out)]
            with log_file(folder / "log.txt", heard):
                lines = _steps(run)
            outdated += done.outdated()
        log.info("finished in %s", duration(sum(watch.seconds.values())))
    return [*lines, *_listing(out)]


def _steps(run: Run) -> list[str]:
    settings = run.region.settings
    log.info("%s%s", settings.name, " (synthetic data)" if settings.synthetic else "")
    trained = model_step(run)
    notes = Notes.of(run.region, trained.parameters, trained.region if run.asked.model else "")
    for line in [*notes.lines, *(f"Filled: {fill_text(fill)}" for fill in run.cube.fills)]:
        log.warning("  %s", line)
    for text in one_campaign_warning(trained.samples.counts()):
        log.warning("  warning: %s", text)
    with run.watch.stage("mapping"):
        summary, parts = map_step(run, trained, notes)
    return product_step(run, trained, notes, summary, parts)


def _listing(out: Path) -> list[str]:
    """Every file that was made; the maps of a group on one line."""
    lines = ["", f"In {out}:"]
    for group, made in groupby(made_maps(out), key=lambda made: made.group):
        names = [each.path.name for each in made]
        several = f" ... {names[-1]}" if len(names) > 1 else ""
        count = "GeoTIFF" if len(names) == 1 else "GeoTIFFs"
        lines.append(f"  maps/{names[0]}{several}   {len(names)} {count}, {schema.MAP_GROUPS[group]}")
    paths = (path for path in sorted(out.iterdir()) if not path.name.startswith("."))
    names = (path.name + ("/" if path.is_dir() else "") for path in paths)
    return lines + [f"  {name}" for name in names if name != "maps/"]
