"""RothC at one site from plain files: tables in; the course, its scores and its figure out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.files import sha256_of_file
from poml_map.hybrid.scores import mean_error, rmse
from poml_map.pipeline.clock import now
from poml_map.pipeline.manifest import to_json, versions
from poml_map.pipeline.site_course import POOLS, Beginning, Course, run_course
from poml_map.pipeline.site_file import Site, load_site
from poml_map.pipeline.site_settings import month_text
from poml_map.pipeline.site_tables import SiteTables, read_site_tables
from poml_map.pipeline.staging import staging
from poml_map.products import draw_site, unit_text
from poml_map.tables import listed
from poml_map.units import STOCK_LABELS, stock_factor

_STOCKS = ["mean", "sd", "low", "high", "simulated"]


def run_site(site_file: str | Path, out: str | Path = "site") -> list[str]:
    """Run RothC at one site.

    Parameters
    ----------
    site_file : str or Path
        See docs/site.md.
    out : str or Path
        Folder for ``site.csv``, ``site.json`` and ``site.png``; made if it is not there.

    Returns
    -------
    list of str
        Lines for people: scores, carbon balance, files.

    Raises
    ------
    InputError
        If anything that goes in is wrong; then no output is left.
    ResourceError
        If the disk or folder refuses.
    """
    site = load_site(site_file)
    tables = read_site_tables(site)
    beginning, course = run_course(site, tables)
    observed = compare(site, tables, course)
    content = _content(site, tables, beginning, course, observed)
    out = Path(out)
    with staging(out) as folder:
        _monthly(site, beginning, course).to_csv(folder / "site.csv", index=False, float_format="%.12g")
        (folder / "site.json").write_text(to_json(content), encoding="utf-8")
        _draw(site, course, observed, content, folder / "site.png")
    files = [str(out / name) for name in ("site.csv", "site.json", "site.png")]
    return [*_notes(site, course), *_result_lines(content), *files]


def compare(site: Site, tables: SiteTables, course: Course) -> pd.DataFrame | None:
    """Observations of the run beside the simulated stock of the same month.

    Parameters
    ----------
    site : Site
    tables : SiteTables
        Its `dropped` gets the months outside the run.
    course : Course

    Returns
    -------
    pandas.DataFrame or None
        Those of `SiteTables.observed` within the run, with ``simulated`` [kg/m2] and ``scored``. What the run
        starts from is never scored.
    """
    if tables.observed is None:
        return None
    first, last = course.months[0], course.months[-1]
    table = tables.observed[tables.observed["month"].between(first, last)]
    if len(table) < len(tables.observed):
        tables.dropped["observed months outside the run"] = len(tables.observed) - len(table)
    month = table["month"].to_numpy()
    window = site.settings.observations.score_years or (0, 9999)
    scored = (month > first) & (month // 12 >= window[0]) & (month // 12 <= window[1])
    return table.assign(simulated=course.stock[month - first], scored=scored)


def _content(site: Site, tables: SiteTables, beginning: Beginning, course: Course, observed) -> dict:
    """What `site.json` holds, stocks in the unit of the site file."""
    unit = site.settings.units
    factor = stock_factor(unit)
    balance = {name: value * factor for name, value in course.balance._asdict().items()}
    start = dict(zip(POOLS, course.pools[:, 0] * factor, strict=True))
    start |= {"deficit_mm": beginning.deficit}
    if beginning.annual_input is not None:
        start["plant_input_of_spinup_per_year"] = beginning.annual_input * factor
    return {
        "title": site.settings.title,
        "synthetic": site.settings.synthetic,
        "assumed": site.settings.assumed,
        "made": now(),
        "versions": versions(),
        "unit": unit,
        "months": [month_text(int(course.months[0])), month_text(int(course.months[-1]))],
        "start": start,
        "scores": None if observed is None else _scores(observed, factor),
        "balance": balance | {"unexplained": balance["added"] - balance["respired"] - balance["stored"]},
        "observations": None if observed is None else _observed_records(observed, factor),
        "months_with_normals": int(course.from_normals.sum()),
        "not_used": tables.dropped,
        "settings": site.document.data,
        "inputs": {name: sha256_of_file(site.folder / name) for _, name in site.files()}
        | {Path(site.file).name: sha256_of_file(site.file)},
    }


def _scores(observed: pd.DataFrame, factor: float) -> dict:
    scored = observed[observed["scored"]]
    pairs = scored["mean"].to_numpy() * factor, scored["simulated"].to_numpy() * factor
    years = scored["month"].to_numpy() // 12
    return {
        "n": len(scored),
        "rmse": rmse(*pairs),
        "mean_error": mean_error(*pairs),
        "years": [int(years[0]), int(years[-1])] if len(years) else None,
    }


def _observed_records(observed: pd.DataFrame, factor: float) -> list[dict]:
    table = observed.assign(**{name: observed[name] * factor for name in _STOCKS})
    return table.assign(month=[month_text(month) for month in table["month"]]).to_dict(orient="records")


def _monthly(site: Site, beginning: Beginning, course: Course) -> pd.DataFrame:
    """Every month of the run; the first row is the start, which no driver belongs to."""
    unit = site.settings.units
    factor, suffix = stock_factor(unit), unit.replace("/", "_")
    drivers, modifiers = course.drivers, course.modifiers
    monthly = {
        "air_temp_degC": drivers["air_temp"],
        "precip_mm": drivers["precip"],
        "evaporation_mm": drivers["evaporation"],
        "cover": drivers["cover"],
        "dpm_rpm": drivers["dpm_rpm"],
        "rate_factor": drivers["rate_factor"],
        f"plant_{suffix}": drivers["plant"] * factor,
        f"manure_{suffix}": drivers["manure"] * factor,
        **{name: modifiers[name] for name in ("a", "b", "c", "mu")},
        "deficit_mm": modifiers["deficit"],
        f"co2_{suffix}": course.respired * factor,
    }
    columns = {"year": course.months // 12, "month": course.months % 12 + 1}
    columns["weather"] = np.append("start", np.where(course.from_normals, "normals", "file"))
    columns |= {name: np.append(np.nan, values) for name, values in monthly.items()}
    columns["deficit_mm"][0] = beginning.deficit
    columns |= {f"{name}_{suffix}": values * factor for name, values in zip(POOLS, course.pools, strict=True)}
    columns[f"total_{suffix}"] = course.stock * factor
    return pd.DataFrame(columns)


def _draw(site: Site, course: Course, observed, content: dict, path: Path) -> None:
    unit = site.settings.units
    factor, marks = stock_factor(unit), None
    if observed is not None and len(observed):
        marks = {name: observed[name].to_numpy() * factor for name in ("mean", "low", "high")}
        marks |= {"years": _decimal(observed["month"].to_numpy()), "scored": observed["scored"].to_numpy()}
    draw_site(
        path,
        title=site.settings.title,
        subtitle=_score_text(content["scores"], unit_text(unit)) if content["scores"] else "",
        unit=unit,
        years=_decimal(course.months),
        pools=dict(zip(POOLS, course.pools * factor, strict=True)),
        filled=np.append(False, course.from_normals),
        observed=marks,
        notes=_notes(site, course),
    )


def _decimal(months: np.ndarray) -> np.ndarray:
    """The end of each month as a decimal year."""
    return (months + 1) / 12


def _notes(site: Site, course: Course) -> list[str]:
    """What must not be overlooked."""
    lines = ["Synthetic data"] if site.settings.synthetic else []
    if site.settings.assumed:
        lines.append(f"Assumed: {', '.join(site.settings.assumed)}")
    months = course.months[1:][course.from_normals]
    if len(months):
        normals = site.settings.weather.normals
        source = f"means of {normals.years[0]}-{normals.years[1]}" if normals.years else normals.file
        lines.append(f"Weather of {len(months)} months from {month_text(months[0])} on: normals ({source})")
    return lines


def _score_text(scores: dict, unit: str) -> str:
    if not scores["n"]:
        return "No observation to score."
    first, last = scores["years"]
    errors = f"RMSE {scores['rmse']:.3g} {unit}, mean error {scores['mean_error']:+.3g}"
    return f"{errors}, n = {scores['n']} ({first}-{last})"


def _result_lines(content: dict) -> list[str]:
    unit, scores, balance = STOCK_LABELS[content["unit"]], content["scores"], content["balance"]
    lines = []
    if scores:
        lines.append(_score_text(scores, unit))
        others = [row["month"] for row in content["observations"] if not row["scored"]]
        lines += [f"Not scored: {listed(others)}"] if others else []
    lines += [f"Not used: {count} {reason}" for reason, count in content["not_used"].items()]
    first, last = content["months"]
    carbon = (
        f"added {balance['added']:.4g}, respired {balance['respired']:.4g}, stored {balance['stored']:+.4g}"
    )
    lines.append(f"Carbon from {first} to {last}: {carbon} {unit} (unexplained {balance['unexplained']:.1g})")
    return lines
