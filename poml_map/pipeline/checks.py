"""`poml-map check`: everything that can be known before the run, all problems at once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from pyproj import CRS

from poml_map.config import Region, load_region
from poml_map.cube import Cube, check_cube, open_layers, peak_problems, region_grid
from poml_map.errors import InputError, Problem, Problems
from poml_map.grid import Grid
from poml_map.pipeline.by_hand import how_to_get, wrapped
from poml_map.pipeline.estimate import estimate_lines
from poml_map.pipeline.process_choices import process_inputs
from poml_map.sites import Samples, read_samples, with_stock

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """A region that passed its checks, with what they opened.

    Attributes
    ----------
    region : Region
    cube : Cube
    samples : Samples or None
        Not yet read at the cube's pixels; None if they were not asked for.
    pixels : int, optional
        That will be mapped, counted if every pixel was read.
    """

    region: Region
    cube: Cube
    samples: Samples | None
    pixels: int | None = None

    @property
    def lines(self) -> list[str]:
        """What was found and what a run would take, for people."""
        expected = estimate_lines(self.region, self.cube, self.samples, pixels=self.pixels)
        return [*_found(self), *expected, "No problem found."]


def check_region(region_file: str | Path | Region, deep: bool = False, with_samples: bool = True) -> Checked:
    """Check a region file, its catalogs, the headers of its sources and its samples.

    Parameters
    ----------
    region_file : str, Path or Region
    deep : bool
        Read every pixel of the area too.
    with_samples : bool
        False where a model that was trained elsewhere maps the region: its samples are not read.

    Returns
    -------
    Checked

    Raises
    ------
    InputError
        With every problem of all of them.
    """
    region = region_file if isinstance(region_file, Region) else load_region(region_file)
    problems = Problems()
    cube = samples = pixels = None
    try:
        cube = open_layers(region)
        if deep:
            pixels = check_cube(region, deep=True)["pixels_in_area"]
    except InputError as error:
        problems.collect(error)
    try:
        grid = cube.grid if cube else region_grid(region)
        check_profile(region, grid, problems)
        if with_samples:
            samples = read_samples(region, grid)
            check_campaigns(region, samples, problems)
    except InputError as error:
        problems.collect(error)
        file = region.settings.samples.file
        if (
            with_samples
            and not region.samples_path.exists()
            and file not in {problem.file for problem in problems}
        ):
            problems.add(file, "", "no such file", "the sample table", "Check `samples.file`.")
    try:
        process_inputs(region)
    except InputError as error:
        problems.collect(error)
    if len(problems):
        refusal = InputError(list(problems))
        refusal.advice = tuple(how_to_get(region))
        raise refusal
    if deep and with_samples:
        read_sites(region, cube, samples)
    return Checked(region, cube, samples, pixels)


def check_campaigns(region: Region, samples: Samples, problems: Problems) -> None:
    """Problems of what the samples allow: too few sites for the folds, one campaign without an assumption."""
    settings = region.settings
    sites = samples.table["site"].nunique()
    if settings.validation.folds > sites:
        found = f"{settings.validation.folds} folds for {sites} sites"
        expected = f"2 to {sites}" if sites > 1 else "two sites at least"
        problems.extend([region.document.problem(("validation", "folds"), found, expected)])
    fixed = settings.rothc.mu_max is not None or settings.rothc.expected_change is not None
    repeated = bool((samples.table.groupby("site")["year"].nunique() > 1).any())
    if not repeated and not fixed:
        problems.extend([one_campaign(region)])
    problems.extend(late_campaigns(region, samples.table.groupby("site")["year"].min()))


def check_profile(region: Region, grid: Grid, problems: Problems) -> None:
    """Problems of a grid that the maps of FAO cannot be made from; after a long run it would be too late to say so."""
    if region.settings.profile == "fao":
        from poml_map.products import cells_under  # products load matplotlib

        try:
            cells_under(grid)
        except ValueError as error:
            expected = "a region on one side of the 180th meridian"
            problems.extend(
                [region.document.problem(("profile",), str(error), expected, "Write `profile: own`.")]
            )


def one_campaign(region: Region):
    """The problem of samples from which mu_max and K_m cannot be fitted."""
    return region.document.problem(
        ("rothc",),
        "samples of one campaign only, from which mu_max and K_m cannot be fitted",
        "sites that were sampled twice, or an assumption",
        "Give `rothc: {expected_change: 0.10}` (relative change over the run), or `mu_max` and `k_m`.",
    )


def late_campaigns(region: Region, starts) -> list[Problem]:
    """Problems of sites whose first campaign is after the first year, where the change over the run is assumed.

    Parameters
    ----------
    region : Region
    starts : sequence of int
        Year of the first campaign of each site.
    """
    rothc, first = region.settings.rothc, region.years[0]
    years = sorted({int(year) for year in starts})
    if rothc.expected_change is None or rothc.mu_max is not None or years in ([], [first]):
        return []
    found = f"sites that were sampled first in {', '.join(map(str, years))}"
    expected = f"all in {first}, the first of `years`, from which the change is counted"
    mend = "Leave out the sites that were sampled later, or give `mu_max` and `k_m`."
    if len(years) == 1:
        mend = f"Let `years` begin with {years[0]} (and spin-up years before it), or give `mu_max` and `k_m`."
    return [region.document.problem(("rothc", "expected_change"), found, expected, mend)]


def read_sites(region: Region, cube: Cube, samples: Samples) -> tuple[Samples, xr.Dataset]:
    """Samples with stocks by site and year, and the cube at their sites in the same order.

    Parameters
    ----------
    region : Region
    cube : Cube
    samples : Samples
        From `read_samples`.

    Returns
    -------
    samples : Samples
        Less those on pixels without data.
    points : xarray.Dataset
        Dimension ``site``.
    """
    samples = samples.in_order()
    points = cube.at_points(samples.sites["x"].to_numpy(), samples.sites["y"].to_numpy())
    for_stocks = {"BD", "CF"} - {*region.settings.covariates, *region.settings.rothc.columns()}
    needed = [name for name in points.data_vars if name not in for_stocks]
    before = samples.sites["site"]
    samples = with_stock(samples, points, region, needed)
    kept = before.isin(samples.sites["site"]).to_numpy()
    problems = Problems()
    check_campaigns(region, samples, problems)
    problems.extend(peak_problems(region, points))
    problems.raise_if_any()
    for reason, count in samples.counts()["n_dropped"].items():
        log.warning("  warning: %d sample rows, %s", count, reason)
    return samples, points.isel(site=np.flatnonzero(kept))


def fill_text(fill: dict) -> str:
    """A fill of the cube in words.

    Examples
    --------
    >>> fill_text({"column": "ndvi", "years": [1980, 1981], "rule": "climatology of 1982-1986"})
    'ndvi of 1980, 1981: climatology of 1982-1986'
    """
    return f"{fill['column']} of {', '.join(map(str, fill['years']))}: {fill['rule']}"


def _found(checked: Checked) -> list[str]:
    region, cube, samples = checked.region, checked.cube, checked.samples
    settings, grid = region.settings, cube.grid
    unit = CRS(grid.crs).axis_info[0].unit_name
    counted = "" if checked.pixels is None else f", {checked.pixels:,} to map"
    counts = samples.counts()
    lines = [
        f"{region.file}: {settings.title or settings.name}",
        f"  grid      {grid.width} x {grid.height} pixels of {grid.resolution[0]:g} x {grid.resolution[1]:g} "
        f"{'m' if unit == 'metre' else unit}, about {cube.pixels_in_area:,} in the area{counted}",
        f"  years     {region.years[0]}-{region.years[-1]}, spin-up {region.spinup_years[0]}-{region.spinup_years[-1]}",
        f"  columns   {', '.join(settings.covariates)}",
        f"  samples   {counts['n_used']} of {counts['n_in']} rows, {counts['n_sites']} sites, "
        f"campaigns {', '.join(map(str, samples.campaigns))}",
    ]
    lines += [f"            of the others {n} rows: {reason}" for reason, n in counts["n_dropped"].items()]
    lines += _spread(samples)
    if settings.rothc.expected_change is not None and settings.rothc.mu_max is None:
        change = f"{settings.rothc.expected_change:+.1%}"
        lines.append(f"  assumed   the mean stock changes by {change} in these years; nothing observed tells")
    untried = [name for name, source in region.sources.items() if source.entry.structure == "documented"]
    if untried:
        told = f"{', '.join(untried)}: structure known from documentation, not tried on the real files"
        lines += wrapped(told, "  untried   ", " " * 12)
    lines += [f"  filled    {fill_text(fill)}" for fill in cube.fills]
    lines += [f"  stand-in  {', '.join(region.stand_in_names)}"] if region.stand_ins else []
    return lines


def _spread(samples: Samples) -> list[str]:
    """Range of what was measured, as it was understood: a wrong unit shows here."""
    names = {"soc": ("carbon", "g/kg"), "stock": ("stock", "kg/m2"), "bulk_density": ("density", "g/cm3")}
    lines = []
    for column, (name, unit) in names.items():
        values = samples.table[column].dropna()
        if len(values):
            spread = f"{values.min():.3g} to {values.max():.3g} {unit}, median {values.median():.3g}"
            lines.append(f"            {name} {spread}")
    return lines
