"""The command line: parse, call, print. Heavy imports happen inside the commands, so help is instant."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from poml_map._version import __version__
from poml_map.errors import InputError, PomlError, Problem

app = typer.Typer(
    name="poml-map",
    help="Annual maps of soil organic carbon stock: RothC and a random forest joined (POML).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# Nothing is fetched by any command. What leads to a server is refused before GDAL opens it; should something slip
# through, GDAL finds no way out: no name is allowed, and its proxy is a port of this machine that discards.
_OFFLINE = {
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_MAX_RETRY": "0",
}

# Exit codes of shells for a command that Ctrl-C (which typer turns into this code) or SIGTERM ended.
_INTERRUPTED, _TERMINATED = 130, 143


class Engine(StrEnum):
    """What maps the forests, the words of `poml_map.mapping.FOREST_ENGINES`."""

    auto = "auto"
    fast = "fast"
    sklearn = "sklearn"


Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="threads|local|ADDRESS|FILE",
        help="Who maps the tiles: threads, processes, or a dask cluster; default DASK_SCHEDULER_ADDRESS, else threads.",
    ),
]
RegionFile = Annotated[Path, typer.Argument(metavar="REGION.yaml", help="The region file.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"poml-map {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder to write to.")] = Path("demo"),
    size: Annotated[str, typer.Option(help="tiny, small (500 m) or paper (90 m).")] = "small",
    seed: Annotated[int, typer.Option(help="Another seed, another region.")] = 1,
    intervals: Annotated[bool, typer.Option(help="Ask for prediction intervals in region.yaml.")] = True,
) -> None:
    """Write the synthetic demo region: sources, samples, region.yaml, data_catalog.yaml, truth.

    Example: poml-map demo demo
    """
    from poml_map.demo import write_demo

    paths = write_demo(directory, size, seed, intervals=intervals)
    folders = Counter(path.parent for path in paths if path.parent != directory)
    for path in (path for path in paths if path.parent == directory):
        typer.echo(path)
    for folder, files in folders.items():
        typer.echo(f"{folder}/  ({files} files)")


@app.command()
def check(
    region_file: RegionFile,
    deep: Annotated[bool, typer.Option("--deep", help="Read the pixels too.")] = False,
) -> None:
    """Check configuration, headers and tables; list all problems; estimate time, memory and disk.

    Example: poml-map check demo/region.yaml
    """
    from poml_map.pipeline.checks import check_region

    for line in check_region(region_file, deep=deep).lines:
        typer.echo(line)


@app.command()
def init(
    samples: Annotated[Path, typer.Argument(metavar="SAMPLES", help="Table or vector file of the samples.")],
    area: Annotated[
        Path | None,
        typer.Option(metavar="POLYGONS", help="Polygons of the area; default around the samples."),
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")] = Path("region"),
    years: Annotated[
        str | None, typer.Option(metavar="FIRST-LAST", help="Years to map; default from the samples.")
    ] = None,
) -> None:
    """Write a commented region.yaml and data_catalog.yaml for your samples; asks nothing, says what is missing.

    Example: poml-map init samples.csv --area counties.geojson --out my-region
    """
    from poml_map.init import init_region

    for line in init_region(samples, area, out, years=_years(years)):
        typer.echo(line)


@app.command()
def fetch(
    region_file: RegionFile,
    cache: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Folder of all downloads; default POML_MAP_CACHE, else the user's cache."
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this server instead: URL/HOST/PATH of each address."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ENTRY", help="This catalog entry only; may be given again.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask servers again whether what is here is still theirs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be brought, and how large it is.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and results only.")] = False,
) -> None:
    """Bring the region's part of its published sources from their servers; nothing else opens the network.

    Example: poml-map fetch my-region/region.yaml --dry-run
    """
    from poml_map.pipeline.fetch import fetch_region

    _log_to_console(quiet)
    options = {"cache": cache, "mirror": mirror, "only": only, "refresh": refresh, "dry_run": dry_run}
    for line in fetch_region(region_file, **options):
        typer.echo(line)


@app.command()
def run(
    region_file: RegionFile,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the run.")] = Path("run"),
    years: Annotated[
        str | None, typer.Option(metavar="FIRST-LAST", help="Write maps of these years only.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; default one a core, six at most.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What maps the forests; auto is fast wherever it can be.")
    ] = Engine.auto,
    scheduler: Scheduler = None,
    tile_size: Annotated[
        int | None,
        typer.Option(
            min=16, max=4096, help="Pixels along a side of a tile; default 128, fewer take less memory."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Map with the model of this finished run, or of `poml-map train`."
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and results only.")] = False,
) -> None:
    """Make the annual maps of one region; go on where an earlier command was stopped.

    Example: poml-map run demo/region.yaml --out run
    """
    from poml_map.pipeline.run import run_region

    wanted = _years(years)
    _log_to_console(quiet)
    options = {"workers": workers, "tile_size": tile_size, "scheduler": scheduler, "model": model}
    for line in run_region(region_file, out, years=wanted, engine=engine.value, **options):
        typer.echo(line)


@app.command()
def train(
    region_file: RegionFile,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the model.")] = Path("model"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and results only.")] = False,
) -> None:
    """Learn the model of a region without its maps, to map other regions with: run --model.

    Example: poml-map train demo/region.yaml --out model
    """
    from poml_map.pipeline.train import train_region

    _log_to_console(quiet)
    for line in train_region(region_file, out):
        typer.echo(line)


@app.command()
def validate(
    region_file: RegionFile,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")] = Path("validation"),
    repeats: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Random foldings; default of the region file: 3."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look in a minute: one folding, 50 trees, no maps.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and results only.")] = False,
) -> None:
    """Which model to believe, by how much, in which years: tables and figures of held-out sites.

    Example: poml-map validate demo/region.yaml --out validation
    """
    from poml_map.pipeline.validation.run import validate_region

    _log_to_console(quiet)
    for line in validate_region(region_file, out, repeats=repeats, quick=quick):
        typer.echo(line)


@app.command()
def batch(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Region files, folders of them, or one batch file."),
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the batch.")] = Path("batch"),
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="One region for each value of this column of the area's polygons."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="each|shared|FOLDER", help="Who learns: each region, all together, or a finished run."
        ),
    ] = None,
    at_once: Annotated[
        int | None, typer.Option(min=1, help="Regions at a time; default one for two cores.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Of all together, such as 8GiB; default 80 % of what is free."),
    ] = None,
    scheduler: Scheduler = None,
    years: Annotated[
        str | None, typer.Option(metavar="FIRST-LAST", help="Write maps of these years only.")
    ] = None,
    json_lines: Annotated[bool, typer.Option("--json", help="Progress as JSON lines, for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Failures and results only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all regions; compute nothing.")] = False,
) -> None:
    """Map many regions; one that fails never stops the others, and the same command does what is missing.

    Example: poml-map batch demo/region.yaml --by code --model shared --out counties
    """
    from poml_map.batch.plan import make_plan
    from poml_map.batch.progress import JsonLines, PlainLines
    from poml_map.batch.run import limits_of, run_batch

    wanted, limits = _years(years), limits_of(at_once, memory)
    _log_to_console(quiet)

    def reporter(states, limits):
        return (
            JsonLines(states, limits, typer.echo) if json_lines else PlainLines(states, limits, quiet=quiet)
        )

    result = run_batch(
        make_plan(paths, by, model), out, limits=limits, years=wanted, scheduler=scheduler, report=reporter,
        dry=dry_run,
    )  # fmt: skip
    for line in [] if json_lines else result.lines:
        typer.echo(line)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
) -> None:
    """Make report.html, the QGIS project and the catalogs again from a finished run, also one that was moved.

    Maps, tables, GIF and pictures stay as they are: all are checked first. A validation in RUN/validation comes
    into the page.

    Example: poml-map report run
    """
    from poml_map.pipeline.publish import report_run

    for line in report_run(run_folder):
        typer.echo(line)


@app.command()
def site(
    site_file: Annotated[Path, typer.Argument(metavar="SITE.yaml", help="The site file; see docs/site.md.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")] = Path("site"),
) -> None:
    """Run RothC at one site from plain tables: every month, scores, carbon balance, figure.

    Example: poml-map site examples/highfield/site.yaml --out highfield
    """
    from poml_map.pipeline.site_run import run_site

    for line in run_site(site_file, out):
        typer.echo(line)


def _log_to_console(quiet: bool) -> None:
    console = logging.StreamHandler()  # its own level: log.txt holds everything, quiet or not
    console.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[console])
    logging.getLogger("poml_map").setLevel(logging.INFO)  # of libraries only what is wrong


def _years(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise InputError(
            Problem("--years", "", repr(text), "FIRST-LAST, both included", "Like --years 1980-1985.")
        )
    return first, last


def main(arguments: list[str] | None = None) -> None:
    """Run a command; explained errors become one line each and the exit code of their kind."""
    os.environ.update(_OFFLINE)
    try:
        with _stopped_by_signal():
            app(arguments)
    except PomlError as error:
        for line in str(error).splitlines():
            typer.echo(f"Error: {line}", err=True)
        for line in getattr(error, "advice", ()):
            typer.echo(line, err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code in (_INTERRUPTED, _TERMINATED):
            typer.echo("Stopped. No file is half-made; the same command goes on from here.", err=True)
        raise


@contextmanager
def _stopped_by_signal() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that what is half-made is removed."""

    def stop(*_):
        sys.exit(_TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
