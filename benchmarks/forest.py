"""The forest engine beside scikit-learn and quantile-forest: time, difference, compilation, other processors.

python benchmarks/forest.py [--pixels 100000] [--tile 384] [--workers 2] [--quick]

Peers and engine take turns on tile after tile of a synthetic region (`forest_region`); a ratio is the median over the
tiles of one peer's time per pixel-year over the engine's. Making the covariates of a tile is in no time. The peers
see a random sample of the rows of each tile, float32 in C order; quantile-forest (`pip install -e '.[bench]'`) is
left out where it is not installed. CPU time counts both threads, and is what tells on a machine with other work.
"""

import argparse
import dataclasses
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from forest_region import SIDE, YEARS, canonical_forest, make_region, training_rows
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from poml_map.hybrid.boxes import compile_forest

QUANTILES = (0.05, 0.95)
SAMPLE = 100_000  # rows of a tile for scikit-learn: enough that starting its threads does not count
QUANTILE_SAMPLE = 20_000  # and for quantile-forest
# numba takes the features of the machine even where another processor is named, so they are named as well.
PROCESSORS = {
    "as it is": {},
    "without AVX-512 (haswell)": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+movbe,+avx,+avx2,+bmi,+bmi2,+lzcnt,"
        "+fma,+f16c",
    },
    "generic x86-64": {"NUMBA_CPU_NAME": "generic"},
}


def as_scikit_learn(forest, n_jobs):
    """The same trees as a forest of scikit-learn, whose own `predict` is the peer."""
    model = RandomForestRegressor(n_estimators=len(forest.trees_), n_jobs=n_jobs)
    model.estimators_ = []
    for tree in forest.trees_:
        member = DecisionTreeRegressor()
        member.tree_, member.n_features_in_, member.n_outputs_ = tree, forest.n_features_in_, 1
        model.estimators_.append(member)
    model.n_features_in_, model.n_outputs_ = forest.n_features_in_, 1
    return model


def quantile_forest(region, n_jobs):
    """quantile-forest on the same rows, evenly weighted, or None where it is not installed."""
    try:
        from quantile_forest import RandomForestQuantileRegressor
    except ImportError:
        return None
    X, y, _ = training_rows(region)
    return RandomForestQuantileRegressor(
        n_estimators=200, max_features="sqrt", n_jobs=n_jobs, random_state=0
    ).fit(X, y)


def tiles(region, size, pixels, seed=0):
    """Covariates and mask of tiles in random order, until there are enough pixels."""
    corners = [(y, x) for y in range(0, SIDE, size) for x in range(0, SIDE, size)]
    np.random.default_rng(seed).shuffle(corners)
    found = 0
    for y, x in corners:
        part = slice(y, min(y + size, SIDE)), slice(x, min(x + size, SIDE))
        usable = region.mask[part]
        if found >= pixels or not usable.any():
            continue
        found += int(usable.sum())
        yield region.tile(*part), usable


def sample_rows(features, usable, n, random):
    """Random pixels and years: the table of their covariates, and where they are."""
    row, col = np.nonzero(usable)
    pick, year = random.integers(0, len(row), n), random.integers(0, YEARS, n)
    at = row[pick], col[pick]
    table = np.stack([v[at] if v.ndim == 2 else v[year, *at] for v in features], axis=1)
    return np.ascontiguousarray(table, np.float32), (year, *at)


def timed(rows, function, *arguments, **options):
    """Wall and CPU time per row [us], and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*arguments, **options)
    return np.array([time.perf_counter() - wall, time.process_time() - cpu]) / rows * 1e6, result


def measure(region, forest, arguments, with_spread):
    """All sides, tile after tile: name -> (tiles, 2) times [us per pixel-year], and the largest difference."""
    fast, peer = compile_forest(forest), as_scikit_learn(forest, arguments.workers)
    quantile_peer = quantile_forest(region, arguments.workers) if with_spread else None
    random = np.random.default_rng(1)
    times: dict[str, list] = {}
    worst, pixels = 0.0, 0
    for features, usable in tiles(region, arguments.tile, arguments.pixels):
        small = [v[..., :8, :8] for v in features], usable[:8, :8] | True
        for options in ({}, {"tree_sd": True}, {"quantiles": QUANTILES})[: 3 if with_spread else 1]:
            fast.predict_maps(*small, **options)  # compiled, or read from disk
        rows = int(usable.sum()) * YEARS
        pixels += int(usable.sum())
        table, at = sample_rows(features, usable, SAMPLE, random)
        runs = {
            "scikit-learn": (len(table), peer.predict, (table,), {}),
            "mean": (rows, fast.predict_maps, (features, usable), {"workers": arguments.workers}),
        }
        if with_spread:
            for name, options in (("deviation", {"tree_sd": True}), ("quantiles", {"quantiles": QUANTILES})):
                runs[name] = (
                    rows,
                    fast.predict_maps,
                    (features, usable),
                    options | {"workers": arguments.workers},
                )
        if quantile_peer is not None:
            some = table[:QUANTILE_SAMPLE]
            runs["quantile-forest"] = (len(some), quantile_peer.predict, (some,), {"quantiles": [*QUANTILES]})
        results = {}
        for name, (n, function, positional, options) in runs.items():
            spent, results[name] = timed(n, function, *positional, **options)
            times.setdefault(name, []).append(spent)
        worst = max(worst, float(np.abs(results["mean"]["mean"][at] - results["scikit-learn"]).max()))
    return {name: np.array(values) for name, values in times.items()}, worst, pixels


def ratio(times, peer, own):
    """Median over the tiles of the peer's time over our own: wall, CPU."""
    return np.median(times[peer] / times[own], axis=0)


def print_table(variant, times, worst, pixels):
    """One variant of the covariates."""
    print(f"\n{variant}: {pixels:,} pixels x {YEARS} years in {len(times['mean'])} tiles")
    for name, values in times.items():
        wall, cpu = np.median(values, axis=0)
        print(f"  {name:<16} {wall:8.3f} us per pixel-year, {cpu:8.3f} us of CPU")
    lines = [("mean: times faster than scikit-learn", "scikit-learn", "mean")]
    lines += (
        [("mean and deviation: times the mean alone", "deviation", "mean")] if "deviation" in times else []
    )
    if "quantile-forest" in times:
        lines.append(
            ("mean and two quantiles: times faster than quantile-forest", "quantile-forest", "quantiles")
        )
    for text, peer, own in lines:
        wall, cpu = ratio(times, peer, own)
        print(f"  {text:<58} {wall:6.2f} wall {cpu:6.2f} CPU")
    print(f"  largest difference to scikit-learn {worst:.1e} kg/m2")


def seconds_to_compile(fast, options):
    """Time of a first call on one pixel."""
    pixel = [np.zeros((1, 1), np.float32)] * fast.n_features
    started = time.perf_counter()
    fast.predict_maps(pixel, np.ones((1, 1), bool), **options)
    return time.perf_counter() - started


def worker(arguments):
    """In a process of its own, with another processor and an empty cache: compile times and the ratio."""
    region, forest = make_region(), None
    forest = canonical_forest(region)
    fast = compile_forest(forest)
    compiling = [
        seconds_to_compile(fast, options) for options in ({}, {"tree_sd": True}, {"quantiles": QUANTILES})
    ]
    times, worst, _ = measure(region, forest, arguments, with_spread=False)
    print(json.dumps([compiling, ratio(times, "scikit-learn", "mean").tolist(), worst]))


def on_processor(name, arguments):
    """Lines for one processor, measured by a process that compiles for it."""
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, __file__, "--worker", "--pixels", "1", "--tile", str(arguments.tile)],
            env=os.environ | PROCESSORS[name] | {"NUMBA_CACHE_DIR": cache},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    compiling, (wall, cpu), worst = json.loads(done.stdout)
    print(
        f"  {name:<26} {wall:6.2f} wall {cpu:6.2f} CPU, difference {worst:.1e}; "
        f"compiled in {compiling[0]:.1f} s, for the deviation {compiling[1]:.1f} s, for quantiles {compiling[2]:.1f} s"
    )


def processor():
    """Name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor() or platform.machine()


def main(arguments):
    """All tables."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scikit-learn", "numba"))
    load = os.getloadavg()[0]
    print(
        f"{processor()}, {os.cpu_count()} cores, load before {load:.1f}; Python {platform.python_version()}, {versions}"
    )
    region = make_region()
    forest = canonical_forest(region)
    nodes = np.mean([tree.node_count for tree in forest.trees_])
    print(
        f"{len(forest.trees_)} trees of {nodes:,.0f} nodes; tiles of {arguments.tile}, {arguments.workers} threads"
    )
    print_table(
        "climate and NDVI bilinear, every pixel differs",
        *measure(region, forest, arguments, with_spread=True),
    )
    cells = dataclasses.replace(region, nearest=True)
    print_table("climate and NDVI in native cells", *measure(cells, forest, arguments, with_spread=False))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB, peers included")
    if not arguments.quick:
        print("\nmean, times faster than scikit-learn, compiled for other processors (one tile):")
        for name in PROCESSORS:
            on_processor(name, arguments)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pixels", type=int, default=100_000, help="pixels to map at least; 1000000 is all")
    parser.add_argument("--tile", type=int, default=384, help="pixels along one side of a tile")
    parser.add_argument("--workers", type=int, default=2, help="threads of every side")
    parser.add_argument("--quick", action="store_true", help="without the other processors")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    worker(parsed) if parsed.worker else main(parsed)
