"""Faults that show only in a whole run or in what it costs: limits of time and memory, gaps, damaged years."""

import json
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import rasterio

BOMB = "\na0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 8)
)
# Of the same kind: one that contains itself, a deep one, mappings, and merged mappings.
BOMBS = {
    "sequences": BOMB,
    "itself": "\na: &a [*a]\n",
    "deep": "\na: " + "[" * 500 + "]" * 500 + "\n",
    "mappings": "\na0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(9))}}}\n" for n in range(1, 8)),
    "merged": "\na0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 8)),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("file", ["region.yaml", "data_catalog.yaml"])
def test_a_file_that_grows_is_refused_within_two_seconds_and_200_mib(demo, call, file, name):
    demo.append(file, BOMBS[name])
    began = time.process_time()
    said = call(demo, "check")
    assert time.process_time() - began < 2
    said.assert_explained(f"{file}:")
    tracemalloc.start()
    try:
        call(demo, "check")
        assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()


def _part_of(axis, dim):
    """Keep the first cells along an axis of every file of precipitation."""

    def do(demo):
        def change(arrays):
            arrays[axis] = arrays[axis][:4].copy()
            arrays["ppt"] = arrays["ppt"].take(range(4), axis=dim)

        for path in demo.sources.glob("TerraClimate_ppt*"):
            demo.netcdf(path.name, change)

    return do


@pytest.mark.parametrize(
    ("spoil", "axis"),
    [(_part_of("lat", 1), "degrees N)"), (_part_of("lon", 2), "degrees E, ")],
    ids=["lat", "lon"],
)
def test_a_source_that_ends_inside_the_area_is_refused_with_both_extents_along_each_axis(
    climate, call, spoil, axis
):
    spoil(climate)
    call(climate, "check").assert_explained("'precipitation'", "of the area covered", axis, "min_coverage")


def _of_rows(change):
    def do(demo):
        path = demo.folder / "samples.csv"
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)

    return do


def test_gaps_uncovered_pixels_and_points_outside_are_counted_and_reach_no_forest(demo, call, checker):
    """Clay covers a part of the area and has a hole of NaN, two samples lie elsewhere; nothing is stretched out."""

    def change(values):
        values[0, 40:60, 20:40] = np.nan
        return values[:, :, :74]

    demo.raster("clay.tif", change)
    call(demo, "check").assert_explained("clay", "of the area covered", "min_coverage")
    _of_rows(lambda table: table.assign(lon=["110.0", "110.0", *table["lon"][2:]]))(demo)
    demo.settings(min_coverage=0.5, samples={"max_dropped": 0.6})

    said = call(demo, "run", "--out", "run", "--years", "1980-1980")

    assert said.code == 0, said.err
    assert checker.check_run(demo.out) == []
    manifest = json.loads((demo.out / "manifest.json").read_text())
    log, report = ((demo.out / name).read_text() for name in ("log.txt", "report.md"))
    empty, mapped = manifest["pixels"]["no data: CLAY"], manifest["pixels"]["mapped"]
    assert empty > 0.2 * (mapped + empty)
    assert f"{empty} pixels not mapped, no data: CLAY" in log
    assert f"Pixels no data: CLAY: {empty}" in report
    with rasterio.open(demo.out / "maps/SOCS_POML_1980.tif") as file:
        assert int(file.dataset_mask().astype(bool).sum()) == mapped
    samples, listed = manifest["samples"], pd.read_csv(demo.out / "sites_not_used.csv")
    counts = listed["reason"].value_counts().to_dict()
    assert counts == samples["n_dropped"]
    assert counts["outside the grid"] == 2
    assert counts["no data at its pixel for CLAY"] > 2
    assert samples["n_in"] == samples["n_used"] + len(listed)
    assert all(f"{count} sample rows, {reason}" in log for reason, count in counts.items())
    training = pd.read_csv(demo.out / "training.csv")
    assert int((~training["is_simulated"]).sum()) == samples["n_used"]
    assert training.notna().to_numpy().all()
    assert (training["CLAY"] > 1).all()  # neither 0 nor -9999 stands for "no value"


def _cut(share):
    return lambda content: content[: int(share * len(content))]


def _flip(content):
    changed = bytearray(content)
    changed[2 * len(content) // 3] ^= 0xFF
    return bytes(changed)


DAMAGES = {f"cut at {100 * share:g} %": _cut(share) for share in (0.1, 0.5, 0.9, 0.999)} | {"one byte": _flip}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_year_is_refused_at_first_read_with_its_block_and_leaves_no_map(climate, call, name):
    path = climate.sources / "ndvi_1990.tif"
    path.write_bytes(DAMAGES[name](path.read_bytes()))

    said = call(climate, "run", "--out", "run", "--years", "1989-1991", "--quiet")

    said.assert_explained("ndvi_1990.tif")
    if "rows" in said.err:  # the header may be lost, too
        said.assert_explained("ndvi_1990.tif", "rows ", "columns ", "checksum")
    assert not list(climate.folder.parent.rglob("*1990.tif.*"))
    assert not climate.out.exists()


@pytest.mark.parametrize("value", ["80", "1979", "2001"])
def test_a_sampling_year_beside_the_run_is_counted_not_guessed(demo, call, value):
    def change(table):
        table.loc[0, "year"] = value
        return table

    _of_rows(change)(demo)
    demo.settings(samples={"max_dropped": 0})
    call(demo, "check").assert_explained("samples.csv", "1 of 120 rows", "year outside 1980-2000", "S001")


def test_every_problem_of_all_files_of_one_stage_is_told_in_one_run(demo, call):
    """Rule: several faults of one stage are reported together, not one a run."""
    demo.settings(hybrid={"w_p": 7, "n_tree": 3}, years="2000-1980")
    demo.entry("clay", unit="apples")
    said = call(demo, "check")
    for words in ("hybrid.w_p", "hybrid.n_tree", "years", "apples"):
        assert words in said.err, said.err
    demo.text("region.yaml", "  n_tree: 3\n", "")
    demo.settings(hybrid={"w_p": 0.5}, years="1980-2000")
    demo.entry("clay", unit="%")
    demo.raster("clay.tif", lambda values: np.concatenate([values, values]))
    demo.raster("dem.tif", crs=None)
    (demo.sources / "bulk_density.tif").write_bytes(b"")
    said = call(demo, "check")
    for name in ("clay.tif", "dem.tif", "bulk_density.tif"):
        assert name in said.err, said.err
