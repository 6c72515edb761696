"""Figures of maps: models side by side, where the forest has anything to go by, and maps against a known truth."""

from __future__ import annotations

from pathlib import Path

from poml_map.pipeline.known_truth import MAPS, KnownTruth
from poml_map.pipeline.validation.figures import Figures
from poml_map.pipeline.validation.gather import Gathered
from poml_map.pipeline.validation.maps import Mapped
from poml_map.pipeline.validation.sections import least_covered
from poml_map.pipeline.validation.tables import Table
from poml_map.products import map_name, panel_row, read_map
from poml_map.products import validation as products
from poml_map.units import stock_factor


def draw_map_figures(gathered: Gathered, mapped: Mapped, figures: Figures) -> None:
    """Draw ML maps beside POML maps of the first, the middle and the last year: figure S3 of the paper."""
    factor = stock_factor(figures.unit)
    years = [mapped.years[at] for at in sorted({0, len(mapped.years) // 2, len(mapped.years) - 1})]
    grid = gathered.cube.grid
    figures.draw(
        products.draw_map_series,
        "maps",
        "Maps of ML beside maps of POML",
        "ML: observations only; POML: observations and RothC simulations",
        unit=figures.unit,
        rows={
            model: panel_row([factor * mapped.read(model, year) for year in years], grid)
            for model in ("ML", "POML")
        },
        columns=years,
        grid=grid,
        outlines=gathered.cube.outlines(),
    )


def draw_applicability_figure(gathered: Gathered, table: Table, folder: Path, figures: Figures) -> None:
    """Draw the share of the pixels that are like the training by year; maps of the least covered year and the ends.

    Parameters
    ----------
    gathered : Gathered
    table : Table
        ``applicability``.
    folder : Path
        Of the maps.
    figures : Figures
    """
    rows, panel = table.rows.set_index("year"), gathered.panel
    chosen = sorted({rows.index[0], least_covered(rows), rows.index[-1]})
    figures.draw(
        products.draw_applicability,
        "applicability",
        "Area of applicability",
        "Pixels and years whose covariates are like training rows of the POML forest",
        years=rows.index.to_numpy(),
        shares={
            "by all training rows": rows["inside_all"].to_numpy(),
            "by observed rows alone": rows["inside_observed"].to_numpy(),
        },
        sampled=panel.years[panel.has_observation.any(axis=1)].tolist(),
        maps={year: read_map(folder / map_name("AOA", year)) for year in chosen},
        grid=gathered.cube.grid,
        outlines=gathered.cube.outlines(),
    )


def draw_truth_figure(found: KnownTruth, figures: Figures) -> None:
    """Draw the error of every map against the truth, by year."""
    factor = stock_factor(figures.unit)
    rmse = found.by_year.pivot_table(index="year", columns="model", values="rmse", sort=False) * factor
    sampled = found.by_year[found.by_year["sampled"]]["year"].unique()
    figures.draw(
        products.draw_truth,
        "truth",
        "Maps against the known truth",
        "All pixels; straight lines: between the ML maps of sampled years",
        unit=figures.unit,
        years=rmse.index.to_numpy(),
        models={name: rmse[name].to_numpy() for name in MAPS},
        sampled=sampled.tolist(),
    )


def draw_gain_figure(gathered: Gathered, found: KnownTruth, figures: Figures) -> None:
    """Draw where POML is nearer to the truth than ML, and by how much."""
    factor = stock_factor(figures.unit)
    named = {
        "level, unsampled years": "Level in unsampled years, RMSE of each pixel",
        "trend": "Trend in ten years, error of each pixel",
    }
    figures.draw(
        products.draw_gain,
        "gain",
        "Where POML is nearer to the truth than ML",
        "Error of ML minus that of POML: green where POML is nearer, brown where ML is",
        unit=figures.unit,
        maps={named[question]: factor * values for question, values in found.gains.items()},
        grid=gathered.cube.grid,
        outlines=gathered.cube.outlines(),
    )
