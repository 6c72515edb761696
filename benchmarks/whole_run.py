"""Time of each stage and peak memory of a whole run on the demo region.

python benchmarks/whole_run.py [tiny|small|paper]
"""

import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import poml_map
from poml_map.pipeline.manifest import versions


def main(size: str) -> None:
    """Write the region, run it, print one line a stage."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        started = time.monotonic()
        poml_map.write_demo(work / "demo", size)
        written = time.monotonic() - started
        poml_map.run(work / "demo" / "region.yaml", work / "run")
        manifest = json.loads((work / "run" / "manifest.json").read_text())
    seconds = {"writing the demo region": written, **manifest["seconds"]}
    print(
        f"size {size}, {manifest['pixels']['mapped']:,} pixels x {len(manifest['regional_mean']['year'])} years"
    )
    for name, value in seconds.items():
        print(f"{value:8.1f} s  {name}")
    print(f"{sum(seconds.values()):8.1f} s  in all")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:8.2f} GiB of memory at the peak")
    print(f"{os.cpu_count()} cores ({platform.machine()}), load before {os.getloadavg()[2]:.1f}")
    print(", ".join(f"{name} {number}" for name, number in versions().items()))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "small")
