"""The stages of one region, in order."""

from __future__ import annotations

import logging
from functools import partial
from itertools import groupby
from pathlib import Path

from poml_map import schema
from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.errors import InputError, Problem
from poml_map.mapping import (
    TILE_SIZE,
    MapSummary,
    create_store,
    map_region,
)
from poml_map.pipeline import manifest as records
from poml_map.pipeline.area_tables import write_areas
from poml_map.pipeline.checks import Checked, check_region, fill_text, read_sites
from poml_map.pipeline.effects import effects_of_choices
from poml_map.pipeline.learning import learn
from poml_map.pipeline.maps import write_products
from poml_map.pipeline.memory import give_back, share_heaps
from poml_map.pipeline.outputs import in_units, write_calibration, write_tables
from poml_map.pipeline.parameters import find_parameters
from poml_map.pipeline.places import find_places
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.progress import Progress, Stopwatch, duration
from poml_map.pipeline.publish import keep_validation, publish
from poml_map.pipeline.report import Notes, accuracy_lines, one_campaign_warning, report
from poml_map.pipeline.site_facts import SiteFacts, balance_text, site_facts
from poml_map.pipeline.site_model import build_site_model
from poml_map.pipeline.sources import source_list
from poml_map.pipeline.staging import Heard, listening, log_file, staging
from poml_map.pipeline.tile_model import tile_model
from poml_map.products import made_maps

log = logging.getLogger(__name__)


def run_region(
    region_file: str | Path,
    out: str | Path = "run",
    *,
    years: tuple[int, int] | None = None,
    workers: int | None = None,
    tile_size: int = TILE_SIZE,
    engine: str = "auto",
) -> list[str]:
    """Make the annual maps of one region.

    Parameters
    ----------
    region_file : str or Path
    out : str or Path
        Folder of the run; made if it is not there.
    years : (int, int), optional
        First and last year of which maps are written; default all of the region file. The models always see
        all years.
    workers : int, optional
        Threads; default one a core, six at most.
    tile_size : int
        Pixels along one side of a tile. No value depends on it.
    engine : {"auto", "fast", "sklearn"}
        What maps the forests, see `poml_map.mapping.forest_mapper`.

    Returns
    -------
    list of str
        Lines for people: the accuracy table and every file that was made.

    Raises
    ------
    InputError
        If anything that goes in is wrong; then no output is left.
    ResourceError
        If the disk or folder refuses.
    """
    share_heaps()
    watch = Stopwatch()
    with listening() as heard:
        with watch.stage("checking"):
            checked = check_region(region_file)
            wanted = _wanted_years(checked.region, years)
            _refuse_slow_intervals(checked.region, engine)
        with staging(Path(out)) as folder, log_file(folder / "log.txt", heard):
            lines = _stages(checked, folder, watch, wanted, workers, tile_size, engine, heard)
        log.info("finished in %s", duration(sum(watch.seconds.values())))
    return [*lines, *_listing(Path(out))]


def _stages(
    checked: Checked,
    folder: Path,
    watch: Stopwatch,
    wanted: range,
    workers: int | None,
    tile_size: int,
    engine: str,
    heard: Heard,
) -> list[str]:
    region, cube, settings = checked.region, checked.cube, checked.region.settings
    log.info("%s %s", settings.name, "(synthetic data)" if settings.synthetic else "")
    with watch.stage("reading the samples and the cube at the sites"):
        samples, points = read_sites(region, cube, checked.samples)
    with watch.stage("RothC at the sites"):
        model = build_site_model(region, samples, points, process_options(region))
        parameters = find_parameters(region, model)
        facts = site_facts(region, points, model, parameters)
        effects = effects_of_choices(region, samples, points, parameters)
    notes = Notes.of(region, parameters)
    for line in [*notes.lines, *(f"Filled: {fill_text(fill)}" for fill in cube.fills)]:
        log.warning("  %s", line)
    for text in one_campaign_warning(samples.counts()):
        log.warning("  warning: %s", text)
    with watch.stage("cross-validation and forests"):
        places = find_places(samples, cube.grid.crs)
        learned = learn(region, samples, points, model, parameters, Progress("forests"), places)
    with watch.stage("mapping"):
        intervals = learned.intervals
        limits = (None, None) if intervals is None else intervals.of_maps(wanted)
        tiles = tile_model(region, learned.poml, learned.ml, parameters, engine, *limits)
        store = folder / "maps.zarr"
        attrs = {"title": settings.title or settings.name, "notes": "; ".join(notes.lines)}
        create_store(store, cube.grid, region.years, tiles.layers, tile_size, attrs, tiles.change_layers)
        give_back()
        progress = Progress("maps")
        read = partial(cube.read_tile, mapped_only=True)
        summary = map_region(
            read, cube.grid, tiles, store, tile_size=tile_size, workers=workers, progress=progress
        )
        _refuse_empty(region, summary)
        log.info("  %s", balance_text(summary.balance, settings.units, region.years[-1], "pixel"))
        cube.forget()
        give_back()
    with watch.stage("digests of the inputs"):
        files = records.input_files(region)
        digest = records.input_digest(files)
    with watch.stage("GeoTIFFs and pictures"):
        mapped = summary.pixels["mapped"]
        published = write_products(region, cube, store, folder, wanted, notes, digest, mapped, intervals)
    with watch.stage("tables of zones and region"):
        seen, held_out = published.areas, learned.held_out
        areas = write_areas(region, cube, folder, wanted, samples, places.group, seen, held_out)
        for note in areas["notes"]:
            log.info("  %s", note)
    accuracy = [*accuracy_lines(learned.accuracy, settings.units), *learned.notes]
    means = published.means
    content = _manifest(region, cube, samples, parameters, facts, learned, summary, means, files, digest)
    content |= {"notes": notes.lines, "change": published.change, "areas": areas}
    content["mapped_years"] = [wanted[0], wanted[-1]]
    content["warnings"] += heard.warnings("sites", "cube", "hybrid", "products")
    manifest = folder / "manifest.json"
    with watch.stage("tables, manifest and report"):
        units = {name: points[name].attrs["units"] for name in settings.covariates}
        write_tables(folder, settings.units, samples, model, parameters, learned, units)
        write_calibration(folder, settings, parameters, notes.lines)
        (folder / "report.md").write_text(
            report(region, content, accuracy, effects, notes.lines), encoding="utf-8"
        )
        manifest.write_text(records.to_json(content), encoding="utf-8")
    with watch.stage("page, QGIS project and catalog"):
        keep_validation(folder.parent, folder)
        publish(folder, settings.profile)
    content |= {"seconds": watch.seconds, "outputs": records.outputs(folder)}
    manifest.write_text(records.to_json(content), encoding="utf-8")
    return accuracy


def _wanted_years(region: Region, years: tuple[int, int] | None) -> range:
    if years is None:
        return region.years
    if years[0] < region.years[0] or years[1] > region.years[-1]:
        found, expected = f"{years[0]}-{years[1]}", f"years of {region.years[0]}-{region.years[-1]}"
        raise InputError(
            Problem("--years", "", found, expected, "Change `years:` of the region file for more.")
        )
    return range(years[0], years[1] + 1)


def _refuse_slow_intervals(region: Region, engine: str) -> None:
    if engine == "sklearn" and region.settings.intervals is not None:
        expected = "auto or fast: the spread of the trees is mapped by the fast engine alone"
        mend = "Leave out --engine, or `intervals:` of the region file."
        raise InputError(Problem("--engine", "", engine, expected, mend))


def _refuse_empty(region: Region, summary: MapSummary) -> None:
    if summary.pixels.get("mapped"):
        for text in _pixel_warnings(summary):
            log.warning("  warning: %s", text)
        return
    found = ", ".join(f"{count:,} pixels {name}" for name, count in summary.pixels.items())
    raise InputError(
        Problem(region.file, "area", f"no pixel to map ({found})", "pixels with data in the area")
    )


def _pixel_warnings(summary: MapSummary) -> list[str]:
    """What is to be told of pixels: those without data, and those whose class no site has."""
    heads = {"no data": "pixels not mapped, ", "with the pooled fit": "pixels "}
    return [
        f"{count:,} {head}{name}"
        for name, count in summary.pixels.items()
        for start, head in heads.items()
        if name.startswith(start)
    ]


def _manifest(
    region, cube: Cube, samples, parameters, facts: SiteFacts, learned, summary, means, files, digest
) -> dict:
    alone = one_campaign_warning(samples.counts())
    warnings = [*parameters.warnings, *facts.warnings, *alone, *_pixel_warnings(summary)]
    return {
        "region": region.settings.name,
        "synthetic": region.settings.synthetic,
        "made": records.now(),
        "versions": records.versions(),
        "settings": region.settings.model_dump(),
        "stand_ins": region.stand_ins,
        "sources": source_list(region),
        "fills": cube.fills,
        "spinup": cube.spinup_means,
        "samples": samples.counts(),
        "pixels": summary.pixels,
        "rothc": parameters.details,
        "carbon_balance": {"sites": facts.balance, "map": summary.balance},
        "averaging_months": facts.averaging,
        "forest": learned.details,
        **(
            {}
            if learned.intervals is None
            else {"intervals": learned.intervals.for_manifest(region.settings.units)}
        ),
        "accuracy": in_units(learned.accuracy, region.settings.units).to_dict(orient="records"),
        "regional_mean": means,
        "warnings": warnings,
        "input_digest": digest,
        "inputs": files,
    }


def _listing(out: Path) -> list[str]:
    """Every file that was made; the maps of a group on one line."""
    lines = ["", f"In {out}:"]
    for group, made in groupby(made_maps(out), key=lambda made: made.group):
        names = [each.path.name for each in made]
        several = f" ... {names[-1]}" if len(names) > 1 else ""
        count = "GeoTIFF" if len(names) == 1 else "GeoTIFFs"
        lines.append(f"  maps/{names[0]}{several}   {len(names)} {count}, {schema.MAP_GROUPS[group]}")
    names = (path.name + ("/" if path.is_dir() else "") for path in sorted(out.iterdir()))
    return lines + [f"  {name}" for name in names if name != "maps/"]
