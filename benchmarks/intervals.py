"""Do the prediction intervals hold what they promise? On demo regions of some seeds, whose truth is known.

    python benchmarks/intervals.py [SEED ...] [--size small] [--folder DIR]
    python benchmarks/intervals.py 1 --cost 5      # what the interval maps take, in turn with the mean map alone

For each seed a demo region is written and run with `intervals:`. Then is counted what lies inside the intervals:
observations at held-out sites (from the run's manifest); fresh samples, the true stock of pixels drawn at random with
the same measurement noise as the survey's; and the true stock of every pixel, in the sampled years and in those
between, where no sample is; the true change of every pixel; and the true means and changes of zones. The truth is read
here alone: the run has never seen it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from mapping import Clock

from poml_map.demo.truth import PARAMETERS
from poml_map.demo.write import write_demo
from poml_map.hybrid import load_forest
from poml_map.hybrid.intervals import CampaignConformal
from poml_map.mapping import TILE_SIZE, MapChange, MapIntervals, create_store, map_region
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.run import run_region
from poml_map.pipeline.tile_model import tile_model
from poml_map.pipeline.validation.gather import gather
from poml_map.products.geotiff import read_map

FRESH = 5_000  # pixels
SAMPLED = (1980, 2000)
HEAD = ("", "n", "inside 90 %", "below", "above", "width", "sd over error", "RMSE of the map", "adjusted")


def _maps(run: Path, name: str, years) -> np.ndarray:
    return np.stack([read_map(run / "maps" / f"SOCS_{name}_{year}.tif") for year in years])


def _row(name: str, values: np.ndarray, low, high, mean, sd) -> tuple:
    """Shares of some values inside and outside; `sd` over the root of the mean squared error is 1 where it is right."""
    error = np.sqrt(np.mean((values - mean) ** 2))
    below, above = np.mean(values < low), np.mean(values > high)
    return (
        name,
        values.size,
        1 - below - above,
        below,
        above,
        np.mean(high - low),
        np.sqrt(np.mean(sd**2)) / error,
        error,
        np.nan,
    )


def measure(region: Path, run: Path, seed: int) -> list[tuple]:
    """Rows of the table for one finished run."""
    manifest = json.loads((run / "manifest.json").read_text())
    years = range(SAMPLED[0], SAMPLED[1] + 1)
    low, high, mean, sd = (_maps(run, name, years) for name in ("POML_q05", "POML_q95", "POML", "POML_sd"))
    truth = np.stack([read_map(region / "truth" / f"SOCS_TRUTH_{year}.tif") for year in years])
    known = np.isfinite(mean[0]) & np.isfinite(truth[0])
    rng = np.random.default_rng(seed)
    rows = []
    for held in manifest["intervals"]["coverage"]:
        if held["level"] == 0.9:
            numbers = (held[name] for name in ("n", "picp", "below", "above", "mean_width"))
            rows.append((f"held-out sites, {held['subset']}", *numbers, *(np.nan,) * 3))
    pixels = np.argwhere(known)[rng.choice(int(known.sum()), FRESH, replace=False)].T
    for year in SAMPLED:
        at = (year - years[0], *pixels)
        fresh = truth[at] + rng.normal(0.0, PARAMETERS["measurement_sd"], FRESH)
        rows.append(_row(f"fresh samples, {year}", fresh, *(maps[at] for maps in (low, high, mean, sd))))
    for name, chosen in (("sampled years", SAMPLED), ("years between", set(years) - set(SAMPLED))):
        at = [year - years[0] for year in sorted(chosen)]
        values = (maps[at][:, known] for maps in (truth, low, high, mean, sd))
        rows.append(_row(f"true stock of all pixels, {name}", *values))
    change = [
        read_map(run / "maps" / f"CHANGE_POML{part}_{SAMPLED[0]}_{SAMPLED[1]}.tif")
        for part in ("_q05", "_q95", "", "_sd")
    ]
    rows.append(_row("true change of all pixels", *(each[known] for each in (truth[-1] - truth[0], *change))))
    return [*rows, *measure_areas(region, run, truth, known)]


def measure_areas(region: Path, run: Path, truth: np.ndarray, known: np.ndarray) -> list[tuple]:
    """The same of the means of zones, and of the region."""
    cube = check_region(region / "region.yaml").cube
    codes = {key: cube.zone_codes()[known] == code for code, key in enumerate(cube.zone_keys())}
    codes[""] = np.ones(int(known.sum()), bool)
    annual, changes = (_areas(run / name) for name in ("zones.csv", "zone_changes.csv"))
    true = truth[:, known]
    years = annual["year"] - min(annual["year"])
    annual["true"] = [
        true[year][codes[zone]].mean() for year, zone in zip(years, annual["zone"], strict=True)
    ]
    changes["true"] = [(true[-1] - true[0])[codes[zone]].mean() for zone in changes["zone"]]
    sampled = annual["year"].isin(SAMPLED)
    rows = []
    for name, where in (("zones", False), ("the region", True)):
        for when, some in (("sampled years", sampled), ("years between", ~sampled)):
            table = annual[some & ((annual["zone"] == "") == where)]
            rows.append(_area_row(f"true mean of {name}, {when}", table, "mean"))
        rows.append(_area_row(f"true change of {name}", changes[(changes["zone"] == "") == where], "change"))
    return rows


def _areas(path: Path) -> pd.DataFrame:
    """Areas of POML that have limits; the region is the zone without a key."""
    table = pd.read_csv(path, dtype={"zone": str})
    table = table[table["model"] == "POML"].fillna({"zone": ""})
    return table.dropna(subset=[name for name in table if name.endswith("_low")]).reset_index(drop=True)


def _area_row(name: str, table: pd.DataFrame, column: str) -> tuple:
    low, high = (table[f"{column}_{end}"].to_numpy(float) for end in ("low", "high"))
    true, sd = table["true"].to_numpy(), (high - low) / (2 * 1.645)
    row = _row(name, true, low, high, table[f"{column}_adjusted"].to_numpy(), sd)
    of_map = np.sqrt(np.mean((table[column] - true) ** 2))
    return (*row[:-2], of_map, row[-2])


def cost(region: Path, run: Path, rounds: int) -> None:
    """Print what the maps of the interval take beside the map of the mean, each side in turn."""
    gathered = gather(check_region(region / "region.yaml"))
    forests = [load_forest(run / f"forest_{name}.npz").forest for name in ("poml", "ml")]
    # Any residuals do: a limit takes as long whatever it is.
    error, years = np.random.default_rng(0).normal(size=400), gathered.region.years
    sides = np.zeros(400), np.ones(400), np.tile(np.arange(200), 2), np.repeat([years[0], years[-1]], 200)
    intervals = MapIntervals(CampaignConformal.of(error, *sides), 0.9, years)
    change = MapChange(intervals.calibrated.pooled, 0.9, (years[0], years[-1]))
    asked = {"mean": (None, None), "interval": (intervals, None), "and of the change": (intervals, change)}
    spent = {name: [] for name in asked}
    for _ in range(rounds + 1):
        for name, limits in asked.items():
            spent[name].append(_mapping(gathered, forests, *limits))
    print(
        "median of", rounds, "rounds: seconds of POML's forest by processor time | whole mapping by the clock"
    )
    found = {name: np.median(times[1:], axis=0) for name, times in spent.items()}  # the first round compiles
    for name, (forest, whole) in found.items():
        print(f"{name} | {forest:.2f} | {whole:.2f}")
    for name in list(asked)[1:]:
        forest, whole = found[name] / found["mean"]
        print(f"{name} over mean | {forest:.2f} | {whole:.2f}")


def _mapping(gathered, forests, intervals, change) -> tuple[float, float]:
    clock, cube = Clock(), gathered.cube
    model = tile_model(gathered.region, *forests, gathered.parameters, "auto", intervals, change)
    model = replace(model, poml=clock.inside("poml", model.poml))
    if intervals is not None:
        limits = type("Timed", (MapIntervals,), {"maps": clock.inside("poml", MapIntervals.maps)})
        model = replace(model, intervals=limits(intervals.calibrated, intervals.level, intervals.years))
    if change is not None:
        model = replace(model, poml_change=clock.inside("poml", model.poml_change))
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "maps.zarr"
        create_store(
            store, cube.grid, gathered.region.years, model.layers, TILE_SIZE, {}, model.change_layers
        )
        begun = time.monotonic()
        map_region(partial(cube.read_tile, mapped_only=True), cube.grid, model, store)
    return clock.cpu["poml"], time.monotonic() - begun


def main() -> None:
    """Print the table of each seed and their mean, or what the interval maps take."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--size", default="small")
    parser.add_argument("--folder", type=Path, help="kept, and used again if the runs are there")
    parser.add_argument(
        "--cost", type=int, metavar="ROUNDS", help="of the first seed: time of the interval maps"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        if asked.cost:
            cost(*_made(folder, asked.size, asked.seeds[0]), asked.cost)
        else:
            tables = [measure(*_made(folder, asked.size, seed), seed) for seed in asked.seeds]
            _print_tables(tables, asked.seeds)


def _print_tables(tables: list[list[tuple]], seeds: list[int]) -> None:
    print(" | ".join(HEAD))
    for rows in zip(*tables, strict=True):
        for seed, row in zip(seeds, rows, strict=True):
            print(_text((f"{row[0]}, seed {seed}", *row[1:])))
        mean = np.mean([row[1:] for row in rows], axis=0)
        print(_text((f"**{rows[0][0]}, mean**", *mean)))


def _made(folder: Path, size: str, seed: int) -> tuple[Path, Path]:
    """The region and its run, made if they are not there yet."""
    region, run = folder / f"demo{seed}", folder / f"run{seed}"
    if not (run / "manifest.json").exists():
        write_demo(region, size, seed)
        settings = region / "region.yaml"
        settings.write_text(settings.read_text() + "\nintervals: {level: 0.9}\n")
        run_region(settings, run)
    return region, run


def _text(row: tuple) -> str:
    name, n, inside, below, above, width, *rest = row
    shares = [f"{100 * share:.1f} %" for share in (inside, below, above)]
    numbers = [
        "" if np.isnan(each) else f"{each:.{digits}f}" for each, digits in zip(rest, (2, 3, 3), strict=True)
    ]
    return " | ".join([name, f"{n:.0f}", *shares, f"{width:.2f}", *numbers])


if __name__ == "__main__":
    main()
