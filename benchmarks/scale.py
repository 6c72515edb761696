"""Mapping more and more pixels, by threads and by workers of a cluster: time, memory, tiles a second, store.

python benchmarks/scale.py [--size paper] [--shares 0.125 0.25 0.5 1]
python benchmarks/scale.py --demo DEMO --model MODEL        # a demo region and a folder of `poml-map train` or `run`
python benchmarks/scale.py --limits                         # what does not depend on pixels: tasks, store, journal

A model is trained once; then the northern part of the region is mapped, so large that it has these shares of the
pixels, each time in a new process: by threads, and by one and two processes that are workers of a dask cluster with one
thread each. Processor time is that of all processes together: what a machine without other work takes. "Start" is that
of the four fullest tiles before anything is measured: imports, compiled code, sources that are kept, terrain.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARES = (0.125, 0.25, 0.5, 1.0)
SIDES = ("threads", "1 worker", "2 workers")
GIB = 2**30
# Cropland of China at 90 m: pixels of the rectangle around it, pixels to map, years.
CHINA = {"rows": 45_500, "cols": 55_500, "pixels": 160e6, "years": 21}


def one_run(demo: Path, model: Path, side: str, share: float) -> dict:
    """Map the northern `share` of a region; what it took."""
    from functools import partial

    from mapping import _northern  # beside this file

    from poml_map.config import load_region
    from poml_map.cube import open_layers
    from poml_map.mapping import TILE_SIZE, MapTask, TileJournal, create_store, map_region
    from poml_map.pipeline.memory import share_heaps
    from poml_map.pipeline.scheduler import executor_for

    share_heaps()
    region = load_region(demo / "region.yaml")
    cube = open_layers(region)
    cube.grid = _northern(cube, share)
    tiles = _tile_model(region, model)
    scheduler, workers = ("threads", os.cpu_count()) if side == "threads" else ("local", int(side.split()[0]))
    with tempfile.TemporaryDirectory() as folder, executor_for(scheduler, workers, Path(folder)) as executor:
        store, list_of_tiles = Path(folder) / "maps.zarr", Path(folder) / "tiles.jsonl"
        create_store(store, cube.grid, region.years, tiles.layers, TILE_SIZE, {})
        journal = TileJournal.open(list_of_tiles, store, tiles.layers)
        read = partial(cube.read_tile, mapped_only=True)
        every, cold = list(cube.grid.tiles(TILE_SIZE)), _used(executor)
        fullest = sorted(every, key=lambda tile: -cube.mask(tile).sum())[:4]
        executor.run(MapTask(read, tiles, store), fullest, lambda _: None)
        before, started = _used(executor), time.monotonic()
        summary = map_region(read, cube.grid, tiles, store, executor=executor, journal=journal)
        wall, after = time.monotonic() - started, _used(executor)
        files = [path.stat().st_size for path in store.rglob("*") if path.is_file()]
        lines = list_of_tiles.stat().st_size
    return {
        "pixels": summary.pixels["mapped"], "years": len(region.years), "tiles": len(every), "wall": wall,
        "cpu": _spent(before, after), "start": _spent(cold, before), "client": after.pop("client")["memory"],
        "workers": [each["memory"] for each in after.values()], "store": sum(files), "files": len(files),
        "journal": lines,
    }  # fmt: skip


def _used(executor) -> dict[str, dict]:
    """Processor seconds and most memory so far of this process and of every worker. [s, GiB]"""
    workers = executor.client.run(_usage) if hasattr(executor, "client") else {}
    return {"client": _usage(), **workers}


def _spent(before: dict[str, dict], after: dict[str, dict]) -> float:
    return sum(after[name]["cpu"] - before[name]["cpu"] for name in after)


def _usage() -> dict:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 2**20}


def _tile_model(region, model: Path):
    from poml_map.hybrid import load_forest
    from poml_map.mapping import TileModel, forest_mapper
    from poml_map.pipeline.process_choices import process_inputs, process_options

    covariates = tuple(region.settings.covariates)
    fitted = json.loads((model / "rothc_params.json").read_text())
    mappers = {
        name: forest_mapper(load_forest(model / f"forest_{name}.npz").forest, covariates) for name in ("poml", "ml")
    }  # fmt: skip
    return TileModel(
        **mappers, covariates=covariates, years=region.years, options=process_options(region),
        inputs=process_inputs(region), mu_max=fitted["mu_max"], k_m=fitted["k_m_kg_m2"],
    )  # fmt: skip


def in_a_process(*arguments: str) -> dict:
    """A measurement in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def grow(demo: Path, model: Path, shares: list[float]) -> None:
    """The table of sizes and sides, and what follows for a whole country."""
    print(
        f"{'':10} {'pixels':>9} {'tiles':>6} {'start':>6} {'wall':>7} {'CPU':>7} {'CPU s a million':>16} {'tiles':>7} "
        f"{'memory [GiB]':>20} {'store':>8} {'files':>6} {'journal':>8}"
    )
    print(
        f"{'':10} {'':>9} {'':>6} {'CPU s':>6} {'[s]':>7} {'[s]':>7} {'pixel-years':>16} {'a s':>7} "
        f"{'client':>9} {'a worker':>10} {'[MB]':>8} {'':>6} {'[kB]':>8}"
    )
    last = {}
    for share in shares:
        for side in SIDES:
            found = last[side] = in_a_process(
                "--demo", str(demo), "--model", str(model), "--one", side, str(share)
            )
            million = found["pixels"] * found["years"] / 1e6
            worker = f"{max(found['workers']):10.2f}" if found["workers"] else " " * 10
            print(
                f"{side:10} {found['pixels']:>9,} {found['tiles']:>6} {found['start']:6.1f} "
                f"{found['wall']:7.1f} {found['cpu']:7.1f} {found['cpu'] / million:16.2f} "
                f"{found['tiles'] / found['wall']:7.1f} {found['client']:9.2f} {worker} "
                f"{found['store'] / 1e6:8.1f} {found['files']:>6} {found['journal'] / 1e3:8.1f}",
                flush=True,
            )
    _country(last["1 worker"])


def _country(found: dict) -> None:
    """What the cropland of China at 90 m would take, by what one worker took for the largest region here."""
    times = CHINA["pixels"] * CHINA["years"] / (found["pixels"] * found["years"])
    tiles = -(-CHINA["rows"] // 128) * -(-CHINA["cols"] // 128)
    print(
        f"\nChina, {CHINA['pixels'] / 1e6:.0f} million pixels x {CHINA['years']} years: "
        f"{times * found['cpu'] / 3600:.0f} core-hours to map, {times * found['store'] / 1e9:.0f} GB of store, "
        f"{times * found['files']:,.0f} files, {tiles:,} tiles in the rectangle, "
        f"{tiles * found['journal'] / found['tiles'] / 1e6:.0f} MB of journal"
    )


def limits() -> None:
    """What the rectangle around China asks of client and scheduler, whatever there is to map."""
    for part in ("tasks", "store", "journal"):
        for name, value in in_a_process("--limit", part).items():
            print(f"{name:50} {value:>12,.1f}", flush=True)


def one_limit(part: str) -> dict:
    """One of these, in this process."""
    from poml_map.grid import Grid

    grid = Grid("EPSG:8857", (90.0, 0.0, 0.0, 0.0, -90.0, 0.0), CHINA["cols"], CHINA["rows"])
    with tempfile.TemporaryDirectory() as folder:
        found = {"tasks": _tasks, "store": _store, "journal": _journal}[part](grid, Path(folder))
    return found | {f"memory of the client: {part} [GiB]": _usage()["memory"]}


def _tasks(grid, folder: Path) -> dict:
    """Tiles without work, through one worker: what client and scheduler can keep going."""
    from itertools import islice

    from poml_map.pipeline.scheduler import executor_for

    tiles, told = list(islice(grid.tiles(128), 10_000)), []
    with executor_for("local", 1, folder) as executor:
        executor.run(_no_work, tiles[:100], told.append)
        started = time.monotonic()
        executor.run(_no_work, tiles, told.append)
        seconds = time.monotonic() - started
    return {"tiles without work a second, one worker": len(tiles) / seconds}


def _no_work(tile):
    from poml_map.mapping.balance import Balance
    from poml_map.mapping.tasks import TileDone

    return TileDone(tile, {"outside": 128 * 128}, Balance(), dict.fromkeys(("POML", "ML", "PO")))


def _store(grid, folder: Path) -> dict:
    """An empty store of the whole rectangle."""
    from poml_map.mapping import create_store

    started = time.monotonic()
    create_store(folder / "maps.zarr", grid, range(1980, 2001), ("POML", "ML", "PO"), 128, {})
    size = sum(path.stat().st_size for path in (folder / "maps.zarr").rglob("*") if path.is_file())
    return {"making the empty store [s]": time.monotonic() - started, "its size [MB]": size / 1e6}


def _journal(grid, folder: Path) -> dict:
    """The journal of the whole rectangle, no tile of which has a pixel: written, and read again on resume."""
    from poml_map.mapping import TileJournal, create_store

    layers = ("POML", "ML", "PO")
    create_store(folder / "maps.zarr", grid, range(1980, 1982), layers, 128, {})
    journal = TileJournal.open(folder / "tiles.jsonl", folder / "maps.zarr", layers)
    started = time.monotonic()
    for tile in grid.tiles(128):
        journal.add(_no_work(tile))
    written = time.monotonic() - started
    started = time.monotonic()
    found = TileJournal.open(folder / "tiles.jsonl", folder / "maps.zarr", layers).found
    return {
        "tiles in the rectangle": len(found), "writing their journal [s]": written,
        "its size [MB]": (folder / "tiles.jsonl").stat().st_size / 1e6,
        "reading it on resume [s]": time.monotonic() - started,
    }  # fmt: skip


def main(demo: Path, model: Path, shares: list[float]) -> None:
    """All of the table."""
    from poml_map.pipeline.scheduler import facts

    print(f"{os.cpu_count()} cores ({platform.machine()}), load before {os.getloadavg()[0]:.1f}", flush=True)
    grow(demo, model, shares)
    print(f"load after {os.getloadavg()[0]:.1f}")
    print(", ".join(f"{name} {number}" for name, number in facts().items()))


def _trained(folder: Path, size: str) -> tuple[Path, Path]:
    """A demo region, and its model."""
    import poml_map
    from poml_map.pipeline.train import train_region

    poml_map.write_demo(folder / "demo", size, intervals=False)
    train_region(folder / "demo" / "region.yaml", folder / "model")
    return folder / "demo", folder / "model"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="paper", choices=["tiny", "small", "paper"])
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of the region's pixels")
    parser.add_argument("--demo", type=Path, help="a demo region that is there already")
    parser.add_argument("--model", type=Path, help="a folder of a model trained on it")
    parser.add_argument(
        "--limits", action="store_true", help="tasks, store and journal of a country, no pixels"
    )
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--limit", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_run(options.demo, options.model, options.one[0], float(options.one[1]))))
    elif options.limit:
        print(json.dumps(one_limit(options.limit)))
    elif options.limits:
        limits()
    elif options.model:
        main(options.demo, options.model, options.shares)
    else:
        with tempfile.TemporaryDirectory() as work:
            main(*_trained(Path(work), options.size), options.shares)
