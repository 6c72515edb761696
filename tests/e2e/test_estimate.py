"""What `check` says of time, memory and disk, against what runs of the demo take."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poml_map.cube.arrayfile import ArrayFiles
from poml_map.cube.raster import RasterFiles
from poml_map.demo import write_demo
from poml_map.pipeline import estimate as module
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.estimate import estimate, size_text
from poml_map.pipeline.speed import REFERENCE, measure_speed

# Runs another command and tells the most memory that it had, as the system counted it. [bytes]
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
sys.exit(code)
"""


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_no_raster_is_read(demo, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a raster was read")

    monkeypatch.setattr(RasterFiles, "read", refuse)
    monkeypatch.setattr(ArrayFiles, "read", refuse)
    monkeypatch.setattr(module, "measure_speed", lambda: REFERENCE)
    assert any("estimate  about" in line for line in check_region(demo / "region.yaml").lines)


@pytest.mark.parametrize("run", ["finished", "with_intervals"])
def test_the_disk_is_right_within_a_factor_of_two(request, demo, run):
    out = request.getfixturevalue(run)
    own = out.parent / "demo" / "region.yaml"
    checked = check_region(own if own.exists() else demo / "region.yaml")
    found = estimate(checked.region, checked.cube, checked.samples).disk_bytes / size_of(out)
    assert 0.5 < found < 2


@pytest.mark.slow
@pytest.mark.parametrize("size", ["small", "paper"])
def test_time_memory_and_disk_are_right_within_a_factor_of_two(tmp_path, size):
    """Time only where nothing else ran: the estimate is that of a machine that is left to the run."""
    write_demo(tmp_path / "demo", size=size, intervals=True)
    region, out = str(tmp_path / "demo" / "region.yaml"), tmp_path / "run"
    checked = check_region(region)
    found = estimate(checked.region, checked.cube, checked.samples, measure_speed())
    busy_before = os.getloadavg()[0] > 0.5 * os.cpu_count() + 1
    command = [sys.executable, "-m", "poml_map", "run", region, "--out", str(out)]
    began = time.monotonic()
    said = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, memory, disk = time.monotonic() - began, int(said.stdout), size_of(out)
    ratios = found.seconds / seconds, found.memory_bytes / memory, found.disk_bytes / disk
    print(f"{size}: {seconds:.0f} s, {size_text(memory)}, {size_text(disk)}; estimated {found}")
    print(f"{size}: estimate over run: time {ratios[0]:.2f}, memory {ratios[1]:.2f}, disk {ratios[2]:.2f}")
    assert all(0.5 < ratio < 2 for ratio in ratios[1:]), ratios
    if busy_before or os.getloadavg()[0] > os.cpu_count() + 1:
        pytest.skip(f"other programs were at work: estimate over run {ratios[0]:.2f} by time")
    assert 0.5 < ratios[0] < 2, ratios
