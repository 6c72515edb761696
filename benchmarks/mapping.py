"""Mapping and products from a trained model: beside what can be installed, and with more and more pixels.

python benchmarks/mapping.py [--size paper] [--rounds 2]
python benchmarks/mapping.py --demo DEMO --run RUN          # a demo region and a finished run of it
python benchmarks/mapping.py --demo DEMO --run RUN --profile

Both sides take the same forests, cube and store, and write the same files: opening the cube, RothC for every pixel and
month, POML and ML for every pixel and year, all GeoTIFFs, the animation, first and last year. The peer maps with
scikit-learn's `predict`, RothC in numpy, and GeoTIFFs by GDAL's COG driver, one after the other. The sides take turns,
each in a process of its own with as many threads as cores. Then the northern part of the region is mapped, so large
that it has a quarter and a half of the pixels. Processor time over the cores: what a machine without other work takes.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import SimpleNamespace

SIDES = ("ours", "peer")
SHARES = (0.25, 0.5, 1.0)
STAGES = ("imports", "opening the cube", "opening the forests", "mapping", "GeoTIFFs and pictures")


class Clock:
    """Wall and processor time of stages; those inside threads have processor time only."""

    def __init__(self):
        self.wall, self.cpu = {}, defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str):
        """A stage of the whole process."""
        wall, cpu = time.monotonic(), time.process_time()
        yield
        self.wall[name], self.cpu[name] = time.monotonic() - wall, time.process_time() - cpu

    def inside(self, name: str, function):
        """`function`, its time in its own thread counted under `name`."""

        def timed(*args, **kwargs):
            cpu = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                with self._lock:
                    self.cpu[name] += time.thread_time() - cpu

        return timed


def one_side(demo: Path, run: Path, side: str, share: float) -> dict:
    """Map the northern `share` of a region with the forests of a finished run, write all products; the times."""
    clock = Clock()
    with clock.stage("imports"):
        from functools import partial

        from poml_map import schema
        from poml_map.config import load_region
        from poml_map.cube import open_layers
        from poml_map.hybrid import load_forest
        from poml_map.mapping import TILE_SIZE, TileModel, create_store, engine, forest_mapper, tiles
        from poml_map.pipeline.manifest import versions
        from poml_map.pipeline.maps import write_products
        from poml_map.pipeline.memory import give_back, share_heaps
        from poml_map.pipeline.process_choices import process_inputs, process_options

    share_heaps()
    if side == "peer":
        _install_peers()
    with clock.stage("opening the cube"):
        region = load_region(demo / "region.yaml")
        cube = open_layers(region)
        cube.grid = _northern(cube, share)
    with clock.stage("opening the forests"):
        covariates, mappers = tuple(region.settings.covariates), {}
        for name in ("poml", "ml"):
            forest = load_forest(run / f"forest_{name}.npz").forest
            mapper = forest_mapper(forest, covariates, "sklearn" if side == "peer" else "fast")
            mappers[name] = clock.inside("two forests", mapper)
        del forest
    fitted = json.loads((run / "rothc_params.json").read_text())
    model = TileModel(
        **mappers, covariates=covariates, years=region.years, options=process_options(region),
        inputs=process_inputs(region), mu_max=fitted["mu_max"], k_m=fitted["k_m_kg_m2"],
    )  # fmt: skip
    tiles.map_process = clock.inside("RothC", tiles.map_process)
    engine.write_tile = clock.inside("writing the store", engine.write_tile)
    read = clock.inside("reading the cube", partial(cube.read_tile, mapped_only=True))
    notes = SimpleNamespace(tags={}, lines=["Synthetic data"])
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "maps.zarr"
        with clock.stage("mapping"):
            create_store(store, cube.grid, region.years, schema.MODELS, TILE_SIZE, {})
            give_back()
            summary = engine.map_region(read, cube.grid, model, store)
            cube.forget()
            give_back()
        with clock.stage("GeoTIFFs and pictures"):
            mapped = summary.pixels["mapped"]
            write_products(region, cube, store, Path(folder), region.years, notes, "", mapped)
    return {
        "pixels": mapped, "years": len(region.years), "wall": clock.wall, "cpu": clock.cpu, "versions": versions(),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }  # fmt: skip


def _install_peers() -> None:
    """RothC in numpy, and GeoTIFFs by the COG driver, which makes overviews itself; one file after the other."""
    from functools import partial

    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.shutil import copy

    from poml_map.mapping import process
    from poml_map.products import geotiff

    process.run_drivers = partial(process.run_drivers, engine="plain")

    def write_map(path, values, grid, **_):
        profile = {
            "width": grid.width, "height": grid.height, "count": 1, "dtype": "float32", "crs": grid.crs,
            "transform": rasterio.Affine(*grid.transform), "nodata": geotiff.NODATA,
        }  # fmt: skip
        with MemoryFile() as memory, rasterio.open("", "w", driver="MEM", **profile) as file:
            file.write(np.where(np.isnan(values), np.float32(geotiff.NODATA), values), 1)
            copy(file, memory.name, driver="COG", compress="DEFLATE", predictor="FLOATING_POINT")
            path.write_bytes(memory.getbuffer())
        return path

    geotiff.write_map = write_map
    geotiff._MOST_WORKERS = 1


def _northern(cube, share: float):
    """The grid down to the row above which this share of the mapped pixels lies."""
    import dataclasses

    import numpy as np

    if share == 1.0:
        return cube.grid
    seen = np.cumsum(cube.mask().sum(axis=1))
    return dataclasses.replace(cube.grid, height=int(np.searchsorted(seen, share * seen[-1])) + 1)


def in_a_process(demo: Path, run: Path, side: str, share: float = 1.0) -> dict:
    """`one_side` in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--demo", str(demo), "--run", str(run), "--one", side, str(share)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def total(side: dict, kind: str) -> float:
    """Seconds of all stages but the imports, which every command pays."""
    return sum(side[kind][name] for name in STAGES[1:])


def compare(demo: Path, run: Path, rounds: int) -> None:
    """Both sides in turn; medians."""
    found = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            found[side].append(in_a_process(demo, run, side))
            print(f"  {side}: {total(found[side][-1], 'wall'):.1f} s", file=sys.stderr)
    first = found["ours"][0]
    print(
        f"{first['pixels']:,} pixels x {first['years']} years, median of {rounds} rounds, seconds by the clock"
    )
    print(f"{'':28} {'ours':>8} {'peer':>8} {'ratio':>6}")
    rows = [*((name, lambda each, name=name: each["wall"][name]) for name in STAGES[1:])]
    rows.append(("in all", lambda each: total(each, "wall")))
    rows.append(("in all, processor over cores", lambda each: total(each, "cpu") / os.cpu_count()))
    for name, value in rows:
        ours, peer = (median(value(each) for each in found[side]) for side in SIDES)
        print(f"{name:28} {ours:8.1f} {peer:8.1f} {peer / ours:6.1f}")
    memory = [max(each["memory"] for each in found[side]) for side in SIDES]
    print(f"{'peak memory [GiB]':28} {memory[0]:8.2f} {memory[1]:8.2f}")
    print(f"(imports before that: {median(each['wall']['imports'] for each in found['ours']):.1f} s)\n")
    _profile(found["ours"][-1])


def grow(demo: Path, run: Path, rounds: int) -> None:
    """The same with a quarter, half and all of the pixels, in turn."""
    found = {share: [in_a_process(demo, run, "ours", share) for _ in range(rounds)] for share in SHARES}
    print("\nmore and more pixels: processor seconds for a million pixel-years")
    print(f"{'pixels':>10} {'mapping':>8} {'products':>9} {'both':>6} {'peak memory [GiB]':>18}")
    for sides in found.values():
        million = sides[0]["pixels"] * sides[0]["years"] / 1e6
        spent = [median(each["cpu"][name] for each in sides) / million for name in STAGES[3:]]
        memory = max(each["memory"] for each in sides)
        print(f"{sides[0]['pixels']:>10,} {spent[0]:8.2f} {spent[1]:9.2f} {sum(spent):6.2f} {memory:18.2f}")


def _profile(side: dict) -> None:
    print(f"{'wall':>8} {'CPU':>8}   of our side")
    for name, cpu in side["cpu"].items():
        wall = f"{side['wall'][name]:8.1f}" if name in side["wall"] else " " * 8
        print(f"{wall} {cpu:8.1f} s  {'' if name in side['wall'] else '- '}{name}")


def _trained(folder: Path, size: str) -> tuple[Path, Path]:
    """A demo region and a finished run of it."""
    import poml_map

    poml_map.write_demo(folder / "demo", size)
    poml_map.run(folder / "demo" / "region.yaml", folder / "run")
    return folder / "demo", folder / "run"


def main(demo: Path, run: Path, rounds: int, profile: bool) -> None:
    """All tables."""
    print(f"{os.cpu_count()} cores ({platform.machine()}), load before {os.getloadavg()[0]:.1f}")
    if profile:
        side = in_a_process(demo, run, "ours")
        _profile(side)
        print(f"{side['memory']:.2f} GiB at the peak")
    else:
        compare(demo, run, rounds)
        grow(demo, run, rounds)
        side = in_a_process(demo, run, "ours", SHARES[0])
    print(", ".join(f"{name} {number}" for name, number in side["versions"].items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="paper", choices=["tiny", "small", "paper"])
    parser.add_argument("--demo", type=Path, help="a demo region that is there already")
    parser.add_argument("--run", type=Path, help="a finished run of it")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", action="store_true", help="our side once, and what it is made of")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_side(options.demo, options.run, options.one[0], float(options.one[1]))))
    elif options.run:
        main(options.demo, options.run, options.rounds, options.profile)
    else:
        with tempfile.TemporaryDirectory() as work:
            main(*_trained(Path(work), options.size), options.rounds, options.profile)
