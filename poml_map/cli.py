"""The command line: parse, call, print. Heavy imports happen inside the commands, so help is instant."""

from __future__ import annotations

import logging
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

# Exit codes of shells for a command that Ctrl-C (which typer turns into this code) or SIGTERM ended.
_INTERRUPTED, _TERMINATED = 130, 143


class Engine(StrEnum):
    """What maps the forests, the words of `poml_map.mapping.FOREST_ENGINES`."""

    auto = "auto"
    fast = "fast"
    sklearn = "sklearn"


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
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and results only.")] = False,
) -> None:
    """Make the annual maps of one region.

    Example: poml-map run demo/region.yaml --out run
    """
    from poml_map.pipeline.run import run_region

    wanted = _years(years)
    _log_to_console(quiet)
    for line in run_region(region_file, out, years=wanted, workers=workers, engine=engine.value):
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
    try:
        with _stopped_by_signal():
            app(arguments)
    except PomlError as error:
        for line in str(error).splitlines():
            typer.echo(f"Error: {line}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code in (_INTERRUPTED, _TERMINATED):
            typer.echo("Stopped; nothing half-made is left.", err=True)
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
