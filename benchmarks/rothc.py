"""RothC for every pixel and month of a region: the compiled engine against numpy and a plain Python loop.

python benchmarks/rothc.py [quick]

All sides run in turn in one process, three rounds, and medians count. Seconds are those that the processor worked, in
all threads, over the number of cores: what a machine takes that has nothing else to do. With ROTHC_PY=FILE the
functions of Rothamsted's own RothC_Py.py run too.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc

import numba
import numpy as np
import scipy
from rothc_region import MONTHS, PIXELS, Region, first, no_months, without_cells
from rothc_sides import CORES, K_M, MU_MAX, compiled, lists_of_sites, loop, rothamsted, with_numpy

from poml_map.rothc import CalibrationProblem, calibrate, forward, start_state
from poml_map.rothc.forward import run_drivers

ROUNDS = 3


def measure(function, *args):
    """Seconds of the processor, all threads, and of the clock."""
    clock, busy = time.perf_counter(), time.process_time()
    function(*args)
    return time.process_time() - busy, time.perf_counter() - clock


def in_turn(sides):
    """Median seconds (processor, clock) of each side for a pixel-month: sides are (function, parts, pixels)."""
    seen = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, (function, parts, pixels) in sides.items():
            taken = [measure(function, part) for part in parts()]
            seen[name].append([sum(seconds) / (pixels * MONTHS) for seconds in zip(*taken, strict=True)])
    return {
        name: [statistics.median(each) for each in zip(*rounds, strict=True)] for name, rounds in seen.items()
    }


def compare(region, tiles):
    """Run all sides in turn and print what they took."""
    sample, some = first(region.tile(7), 4096), first(region.tile(7), 200)
    sites, official = lists_of_sites(some), rothamsted()
    agree(sample, some, sites, official)
    parts = {index: len(region.tile(index)[1]) for index in tiles}
    few = list(tiles)[:2]
    sides = {
        "plain Python loop, 200 sites": (loop, lambda: [sites], 200),
        "numpy, 4,096 pixels at once": (with_numpy, lambda: [sample], 4096),
        "compiled": (compiled, lambda: map(region.tile, tiles), sum(parts.values())),
        "compiled, all drivers by pixel": (
            compiled,
            lambda: (without_cells(region.tile(index)) for index in few),
            sum(parts[index] for index in few),
        ),
    }
    if official:
        sides["Rothamsted's RothC_Py, 5 sites"] = (official, lambda: [sites[:5]], 5)
    else:
        print("Rothamsted's RothC_Py: not measured, set ROTHC_PY to its file")
    show(in_turn(sides))


def agree(sample, some, sites, official):
    """All sides give the same stocks."""
    np.testing.assert_allclose(np.transpose(loop(sites)), compiled(some), rtol=1e-9)
    np.testing.assert_allclose(with_numpy(sample), compiled(sample), rtol=1e-9)
    if official:
        without_mu = run_drivers(*some, 1.0, 0.0).stock[-1, :5]
        np.testing.assert_allclose(official(sites[:5]), without_mu, rtol=1e-9)


def show(sides):
    """Print the table; the first side is the loop, the second numpy."""
    (loop_busy, _), (numpy_busy, _) = list(sides.values())[:2]
    work = PIXELS * MONTHS
    print(
        f"\n{PIXELS:,} pixels x {MONTHS} months with mu, float64, spin-up and start included (not in loops over sites)"
    )
    print(
        f"{'':32}{'ns/pixel-month':>15}{f's on {CORES} cores':>15}{'x loop':>9}{'x numpy':>9}{'s by the clock':>16}"
    )
    for name, (busy, clock) in sides.items():
        ratios = f"{loop_busy / busy:9.3g}{numpy_busy / busy:9.3g}"
        print(f"{name:32}{1e9 * busy:15,.1f}{busy * work / CORES:15,.2f}{ratios}{clock * work:16,.2f}")


def spin_up(region, tiles):
    """Print the seconds of the equilibrium and the start of all pixels."""
    taken = [measure(compiled, no_months(region.tile(index))) for index in tiles]
    busy, clock = (sum(seconds) * 20 / len(tiles) for seconds in zip(*taken, strict=True))
    print(
        f"\n{busy / CORES:8.2f} s on {CORES} cores ({clock:.2f} by the clock)  equilibrium and start of all pixels"
    )


def calibration():
    """Print the seconds for mu_max and K_m of 428 sites over 20 years."""
    random, n, years = np.random.default_rng(1), 428, 20
    season = np.sin(np.arange(12) * np.pi / 6)[:, np.newaxis]
    rate = np.clip(1.2 + 0.9 * season + random.normal(0, 0.2, (12, n)), 0.05, None)
    clay = random.uniform(8, 45, n)
    start = start_state(random.uniform(2, 6, n), rate, np.full(12, 1 / 12), clay)
    growth = np.repeat(np.linspace(1, 1.8, years), 12)[:, np.newaxis] * random.uniform(0.9, 1.2, n)
    sites = {"start": start.pools, "iom": start.iom, "clay": clay, "rate": np.tile(rate, (years, 1))}
    sites["c_input"] = start.annual_input / 12 * growth
    stock = forward(CalibrationProblem(**sites), MU_MAX, K_M, [12 * years])[0] + random.normal(0, 0.1, n)
    observed = {"site_index": np.arange(n), "month_index": np.full(n, 12 * years), "stock": stock}
    busy, clock = measure(calibrate, CalibrationProblem(**sites, **observed))
    print(f"{busy:8.2f} s of one core ({clock:.2f} by the clock)  calibration of {n} sites")


def memory():
    """Print the most memory that the whole region in one call takes beyond the arrays of the caller."""
    tile = Region().whole()
    compiled(first(tile, 100))  # the compiler's own memory is not counted
    tracemalloc.start()
    result = compiled(tile)
    beyond = tracemalloc.get_traced_memory()[1]
    print(
        f"{beyond / 2**30:8.2f} GiB beyond the caller's arrays, {result.nbytes / 2**30:.2f} of them the result"
    )


def first_call():
    """Print the seconds of the first call of a process."""
    print(f"{measure(compiled, first(Region().tile(0), 100))[1]:8.2f} s", end="")


def in_a_process(task, **environment):
    """What this file prints when it is asked for one task, in a process of its own."""
    command = [sys.executable, __file__, task]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return done.stdout.rstrip()


def main(quick):
    """Print everything."""
    print(
        f"{platform.machine()}, {CORES} cores, load {os.getloadavg()[0]:.1f} before, Python {platform.python_version()}"
    )
    print(f"numpy {np.__version__}, scipy {scipy.__version__}, numba {numba.__version__}")
    region, tiles = Region(), range(2 if quick else 20)
    compiled(first(region.tile(0), 100))
    compare(region, tiles)
    spin_up(region, tiles)
    calibration()
    print(in_a_process("memory"))
    with tempfile.TemporaryDirectory() as folder:
        print(
            in_a_process("first_call", NUMBA_CACHE_DIR=folder),
            " first call after installation, with compiling",
        )
        print(
            in_a_process("first_call", NUMBA_CACHE_DIR=folder),
            " first call of a later process, from the disk",
        )


if __name__ == "__main__":
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    {"memory": memory, "first_call": first_call}.get(word, lambda: main(word == "quick"))()
