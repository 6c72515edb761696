"""Time of each stage and peak memory of a whole run on the demo region, or of mapping and products alone.

python benchmarks/whole_run.py [tiny|small|paper]
python benchmarks/whole_run.py --demo DEMO --run RUN

The second form takes the forests of a finished run (RUN) of a demo region (DEMO) and shows what the mapping is made of.
Processor time of a stage over the cores is what it would take with nothing else on the machine.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import poml_map
from poml_map import schema


def whole_run(size: str, demo: Path | None) -> None:
    """Write the region, run it, print one line a stage."""
    from poml_map.pipeline.manifest import versions

    with tempfile.TemporaryDirectory() as folder:
        work, started = Path(folder), time.monotonic()
        if demo is None:
            demo = work / "demo"
            poml_map.write_demo(demo, size)
        written = time.monotonic() - started
        poml_map.run(demo / "region.yaml", work / "run")
        manifest = json.loads((work / "run" / "manifest.json").read_text())
    seconds = {"writing the demo region": written, **manifest["seconds"]}
    print(f"{manifest['pixels']['mapped']:,} pixels x {len(manifest['regional_mean']['year'])} years")
    for name, value in seconds.items():
        print(f"{value:8.1f} s  {name}")
    print(f"{sum(seconds.values()):8.1f} s  in all")
    _machine(versions())


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

    def show(self) -> None:
        """A line for each stage, and all stages together."""
        print(f"{'wall':>8} {'CPU':>8}")
        for name in dict.fromkeys([*self.cpu, *self.wall]):
            wall = f"{self.wall[name]:8.1f}" if name in self.wall else " " * 8
            print(f"{wall} {self.cpu[name]:8.1f} s  {name}")
        cpu = sum(self.cpu[name] for name in self.wall)
        print(f"{sum(self.wall.values()):8.1f} {cpu:8.1f} s  in all; CPU over {os.cpu_count()} cores "
              f"{cpu / os.cpu_count():.1f} s")  # fmt: skip


def from_model(demo: Path, run: Path) -> None:
    """Map a region with the forests of a finished run, and write all products."""
    clock = Clock()
    with clock.stage("imports"):
        from poml_map.config import load_region
        from poml_map.cube import open_layers
        from poml_map.hybrid import load_forest
        from poml_map.mapping import TILE_SIZE, TileModel, create_store, engine, forest_mapper, tiles
        from poml_map.pipeline.manifest import versions
        from poml_map.pipeline.maps import write_products
        from poml_map.pipeline.memory import give_back, share_heaps
        from poml_map.pipeline.process_choices import process_inputs, process_options

    share_heaps()
    with clock.stage("opening the cube"):
        region = load_region(demo / "region.yaml")
        cube = open_layers(region)
    with clock.stage("opening the forests"):
        covariates, mappers = tuple(region.settings.covariates), {}
        for name in ("poml", "ml"):
            mapper = forest_mapper(load_forest(run / f"forest_{name}.npz").forest, covariates)
            mappers[name] = clock.inside("- two forests", mapper)
    fitted = json.loads((run / "rothc_params.json").read_text())
    model = TileModel(
        **mappers, covariates=covariates, years=region.years, options=process_options(region),
        inputs=process_inputs(region), mu_max=fitted["mu_max"], k_m=fitted["k_m_kg_m2"],
    )  # fmt: skip
    tiles.map_process = clock.inside("- RothC", tiles.map_process)
    engine.write_tile = clock.inside("- writing the store", engine.write_tile)
    read = clock.inside("- reading the cube", partial(cube.read_tile, mapped_only=True))
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
    print(f"{mapped:,} pixels x {len(region.years)} years")
    clock.show()
    _machine(versions())


def _machine(versions: dict) -> None:
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB of memory at the peak")
    print(f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{name} {number}" for name, number in versions.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("size", nargs="?", default="small", choices=["tiny", "small", "paper"])
    parser.add_argument("--demo", type=Path, help="a demo region that is there already")
    parser.add_argument("--run", type=Path, help="a finished run of it, for mapping and products alone")
    options = parser.parse_args()
    if options.run:
        from_model(options.demo, options.run)
    else:
        whole_run(options.size, options.demo)
