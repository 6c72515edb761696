"""The tables of a run folder, stocks in the unit of the region file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from poml_map.pipeline.manifest import to_json
from poml_map.pipeline.parameters import Parameters
from poml_map.pipeline.trained import Trained
from poml_map.products import draw_calibration
from poml_map.settings import RegionSettings
from poml_map.units import STOCK_LABELS, stock_factor

# Columns of the run's tables that hold a stock, or an error of one; kg/m2 inside the program.
_STOCKS = ["stock", "observed", "PO", "ML", "POML", "rmse", "mean_error"]


def in_units(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    """A table whose stocks are in `unit` (``kg/m2`` or ``t/ha``) instead of kg/m2.

    Examples
    --------
    >>> in_units(pd.DataFrame({"site": ["a"], "stock": [4.5]}), "t/ha")
      site  stock
    0    a   45.0
    """
    held = [name for name in _STOCKS if name in table]
    return table.assign(**{name: table[name] * stock_factor(unit) for name in held})


def write_tables(folder: Path, unit: str, trained: Trained) -> None:
    """Write samples, simulations, training rows, held-out predictions, accuracy and parameters.

    With intervals also those of every site and year, held out.

    Parameters
    ----------
    folder : Path
    unit : str
        Of every stock in the tables. The forests predict kg/m2, as their files say.
    trained : Trained
    """
    label, samples, learned = STOCK_LABELS[unit], trained.samples, trained.learned
    in_units(samples.table, unit).assign(unit=label).to_csv(folder / "sites.csv", index=False)
    samples.dropped.to_csv(folder / "sites_not_used.csv", index=False)
    (folder / "rothc_params.json").write_text(to_json(trained.parameters.details), encoding="utf-8")
    simulated = trained.simulated * stock_factor(unit)
    simulated.to_csv(folder / "site_simulations.csv", float_format="%.6g")
    for name, table, digits in (
        ("training", learned.training, 7),
        ("cross_validation", learned.held_out, 6),
        ("accuracy", learned.accuracy, 6),
    ):
        in_units(table, unit).to_csv(folder / f"{name}.csv", index=False, float_format=f"%.{digits}g")
    if learned.intervals is not None:
        table, digits = learned.intervals.at_sites, {"float_format": "%.6g", "index": False}
        stocks = table.drop(columns=["site", "year"]) * stock_factor(unit)
        table[["site", "year"]].join(stocks).assign(unit=label).to_csv(
            folder / "site_intervals.csv", **digits
        )


def write_calibration(
    folder: Path, settings: RegionSettings, parameters: Parameters, notes: list[str]
) -> None:
    """Draw `calibration.png`; nothing where nothing was fitted.

    Parameters
    ----------
    folder : Path
    settings : RegionSettings
    parameters : Parameters
    notes : list of str
        What stands on every picture.
    """
    if parameters.profiles:
        draw_calibration(
            parameters.profiles,
            folder / "calibration.png",
            title=f"{settings.title or settings.name}: calibration of RothC",
            unit=settings.units,
            subtitle="Grey: K_m that the later stocks do not exclude, each with the mu_max that fits best",
            notes=notes,
        )
