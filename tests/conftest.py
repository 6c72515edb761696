"""What all tests share."""

import pytest
from hypothesis import settings

# A busy machine is slow, not wrong: a law may take the time it needs.
settings.register_profile("poml_map", deadline=None)
settings.load_profile("poml_map")


@pytest.fixture(scope="session")
def write_run_folder():
    """Writes what `poml-map run` leaves behind, small and from a seed: what products of a finished run start from.

    Maps of `models` through `years` with a hole in the middle; with `intervals` their limits and those of the change;
    with `zones` three of them (keys 01, NA and 03) in polygons and tables. Returns the folder.
    """
    import json

    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import shapely

    from poml_map.grid import Grid
    from poml_map.products import map_name, write_map

    def write(
        folder, *, models=("POML", "ML", "PO"), years=range(2000, 2004), shape=(24, 30), unit="kg/m2", intervals=True,
        change=True, zones=True, tables=True, title="Small region", names=("Anhe", "Beilan", "Chunxi"), notes=(),
        spread=1.0,
    ):  # fmt: skip
        rng, years = np.random.default_rng(1), list(years)
        factor = {"kg/m2": 1.0, "t/ha": 10.0}[unit] * spread
        grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), shape[1], shape[0])
        (folder / "maps").mkdir(parents=True)
        made = {}

        def put(layer, year, values, first_year=None):
            values = np.where(hole, np.nan, values)
            made[layer, year] = values
            path = folder / "maps" / map_name(layer, year, first_year)
            write_map(
                path, values, grid, model=layer, year=year, first_year=first_year, unit=unit, depth_cm=20
            )

        rows, columns = np.indices(shape)
        hole = np.hypot(rows - shape[0] / 2, columns - shape[1] / 3) < min(shape) / 8
        for number, model in enumerate(models):
            level = 3 + columns / shape[1] + number / 10
            for year in years:
                values = factor * (level + 0.05 * (year - years[0]) + rng.normal(0, 0.2, shape))
                put(model, year, values)
                if model == "POML" and intervals:
                    put("POML_q05", year, values - factor * rng.uniform(0.3, 0.6, shape))
                    put("POML_q95", year, values + factor * rng.uniform(0.3, 0.6, shape))
            if change and len(years) > 1:
                put(f"CHANGE_{model}", years[-1], made[model, years[-1]] - made[model, years[0]], years[0])
        if change and intervals and len(years) > 1:
            middle = made["CHANGE_POML", years[-1]]
            put("CHANGE_POML_q05", years[-1], middle - 0.2 * factor, years[0])
            put("CHANGE_POML_q95", years[-1], middle + 0.2 * factor, years[0])
            classes = np.sign(middle) * (np.abs(middle) > 0.2 * factor)
            put("CHANGE_POML_class", years[-1], classes, years[0])
        means = {model: [float(np.nanmean(made[model, year])) for year in years] for model in models}
        manifest = {
            "region": "small", "synthetic": True, "made": "2026-01-01T00:00:00+00:00", "versions": {"poml_map": "9.9"},
            "settings": {"title": title, "units": unit, "depth_cm": 20.0, "sampling_month": 12},
            "notes": ["Synthetic data", *notes], "regional_mean": {"unit": unit, "year": years, "models": means},
            "samples": {"n_in": 9, "n_used": 8, "n_sites": 4, "samples_by_year": {str(years[0]): 4, str(years[-1]): 4}},
            "pixels": {"mapped": int((~hole).sum())}, "input_digest": "0123456789abcdef", "inputs": {},
            "forest": {"w_p": 0.5, "importance": {"CLAY": 0.7, "TMP": 0.3}},
        }  # fmt: skip
        if intervals:
            manifest["intervals"] = {"level": 0.9}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        if zones:
            keys, third = ["01", "NA", "03"], 500.0 * shape[1] / 3
            boxes = [
                shapely.box(2e5 + at * third, 3.4e6 - 500 * shape[0], 2e5 + (at + 1) * third, 3.4e6)
                for at in range(3)
            ]
            facts = {"zone": keys, "name": list(names)}
            gpd.GeoDataFrame(facts, geometry=boxes, crs=grid.crs).to_file(
                folder / "zones.gpkg", layer="zones"
            )
            every = [("", "whole region"), *zip(keys, names, strict=True)]
            size = {"area_km2": 90.0, "n_pixels": 200, "n_sites": 12}
            courses = [
                {"zone": key, "name": name, "model": model, "year": year, **size, "mean": mean,
                 "mean_adjusted": mean + 0.02, "mean_low": mean - 0.1, "mean_high": mean + 0.1}
                for key, name in every for model in models
                for year, mean in zip(years, means[model], strict=True)
            ]  # fmt: skip
            pd.DataFrame(courses).to_csv(folder / "zones.csv", index=False)
            change = {
                "change": 0.2,
                "change_adjusted": 0.22,
                "change_low": 0.1,
                "change_high": 0.3,
                "rate": 0.05,
            }
            totals = {"total_change_kt": 18.0, "total_change_kt_adjusted": 19.8}
            changes = [
                {"zone": key, "name": name, "model": model, "first": years[0], "last": years[-1], **size, **change,
                 **totals}
                for key, name in every for model in models
            ]  # fmt: skip
            pd.DataFrame(changes).to_csv(folder / "zone_changes.csv", index=False)
        if tables:
            score = {"n": 8, "rmse": 0.4, "ccc": 0.7, "mean_error": -0.01, "mec": 0.5, "note": ""}
            scores = [{"model": model, "campaign": "all", **score} for model in models]
            pd.DataFrame(scores).to_csv(folder / "accuracy.csv", index=False)
            rows = [
                {"site": site, "year": year, "is_simulated": False, "stock": 4.0, "weight": 1.0, "CLAY": 30.0,
                 "TMP": 15 + 0.1 * site + 0.2 * (year - years[0])}
                for site in range(4) for year in years
            ]  # fmt: skip
            pd.DataFrame(rows).to_csv(folder / "training.csv", index=False)
            report = (
                "# T\n## Accuracy at held-out sites\n```\nmodel\nRMSE and ME in kg C m-2.\n```\n"
                "## Process model\n- a*b*c jumps.\n## What went in, what was left out\n- 1 row left out: depth\n"
                "## Warnings\n- Set `spinup`.\n## What these maps do not tell\n- Random folds.\n"
            )
            (folder / "report.md").write_text(report, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def write_samples():
    """Writes `samples.gpkg` into a run folder: at some pixels the value of POML's map itself, in given years."""
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import rasterio

    def write(folder, years):
        rows, columns = np.array([3, 8, 15, 20]), np.array([4, 25, 18, 27])
        tables = []
        for year in years:
            with rasterio.open(folder / "maps" / f"SOCS_POML_{year}.tif") as file:
                x, y = file.xy(rows, columns)
                stock = file.read(1)[rows, columns].astype(float)
                crs = file.crs.to_wkt()
            facts = {"site": ["S1", "S2", "S3", "S4"], "year": np.int32(year), "stock": stock}
            tables.append(gpd.GeoDataFrame(facts, geometry=gpd.points_from_xy(x, y), crs=crs))
        found = pd.concat(tables, ignore_index=True)
        found.to_file(folder / "samples.gpkg", layer="samples")
        return found

    return write
