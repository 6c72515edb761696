"""Time of each stage and peak memory of a whole run on the demo region; mapping and products alone: `mapping.py`.

python benchmarks/whole_run.py [tiny|small|paper] [--demo DEMO]
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path

import poml_map


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
    options = parser.parse_args()
    whole_run(options.size, options.demo)
