"""Do the prediction intervals hold what they promise? On demo regions of some seeds, whose truth is known.

    python benchmarks/intervals.py [SEED ...] [--size small] [--folder DIR]

For each seed a demo region is written and run with `intervals:`. Then is counted what lies inside the intervals:
observations at held-out sites (from the run's manifest); fresh samples, the true stock of pixels drawn at random with
the same measurement noise as the survey's; and the true stock of every pixel, in the sampled years and in those
between, where no sample is. The truth is read here alone: the run has never seen it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from poml_map.demo.truth import PARAMETERS
from poml_map.demo.write import write_demo
from poml_map.pipeline.run import run_region
from poml_map.products.geotiff import read_map

FRESH = 5_000  # pixels
SAMPLED = (1980, 2000)
HEAD = ("", "n", "inside 90 %", "below", "above", "width", "sd over error")


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
            rows.append((f"held-out sites, {held['subset']}", *numbers, np.nan))
    pixels = np.argwhere(known)[rng.choice(int(known.sum()), FRESH, replace=False)].T
    for year in SAMPLED:
        at = (year - years[0], *pixels)
        fresh = truth[at] + rng.normal(0.0, PARAMETERS["measurement_sd"], FRESH)
        rows.append(_row(f"fresh samples, {year}", fresh, *(maps[at] for maps in (low, high, mean, sd))))
    for name, chosen in (("sampled years", SAMPLED), ("years between", set(years) - set(SAMPLED))):
        at = [year - years[0] for year in sorted(chosen)]
        values = (maps[at][:, known] for maps in (truth, low, high, mean, sd))
        rows.append(_row(f"true stock of all pixels, {name}", *values))
    return rows


def main() -> None:
    """Print the table of each seed, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--size", default="small")
    parser.add_argument("--folder", type=Path, help="kept, and used again if the runs are there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        tables = [_of_seed(asked.folder or Path(scratch), asked.size, seed) for seed in asked.seeds]
    print(" | ".join(HEAD))
    for rows in zip(*tables, strict=True):
        for seed, row in zip(asked.seeds, rows, strict=True):
            print(_text((f"{row[0]}, seed {seed}", *row[1:])))
        mean = np.mean([row[1:] for row in rows], axis=0)
        print(_text((f"**{rows[0][0]}, mean**", *mean)))


def _of_seed(folder: Path, size: str, seed: int) -> list[tuple]:
    region, run = folder / f"demo{seed}", folder / f"run{seed}"
    if not (run / "manifest.json").exists():
        write_demo(region, size, seed)
        settings = region / "region.yaml"
        settings.write_text(settings.read_text() + "\nintervals: {level: 0.9}\n")
        run_region(settings, run)
    return measure(region, run, seed)


def _text(row: tuple) -> str:
    name, n, inside, below, above, width, ratio = row
    shares = [f"{100 * share:.1f} %" for share in (inside, below, above)]
    return " | ".join([name, f"{n:.0f}", *shares, f"{width:.2f}", "" if np.isnan(ratio) else f"{ratio:.2f}"])


if __name__ == "__main__":
    main()
