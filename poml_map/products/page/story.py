"""Charts and tables of the page below the map, each from one file of the run; None where the file is absent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from poml_map.products.page.charts import Chart, Series, line_chart
from poml_map.products.page.zones import WHOLE, Zones
from poml_map.products.runfolder import RunFolder
from poml_map.products.sheet import unit_text
from poml_map.products.validation.looks import Look, model_look, series_look
from poml_map.products.validation.page import fixed, known_range
from poml_map.schema import COLUMNS

#: So many zones get a chart of their own, the largest first; all are in the table and on the map.
MOST_ZONE_CHARTS = 24
_SMALL = (300, 170)
_TIME_WEIGHTS = {"constant": "same weight in all years", "distance": "more weight far from campaigns"}


@dataclass(frozen=True)
class Named:
    """A chart under a heading, with its numbers as a table: a head and rows of text; `narrow` is for phones."""

    title: str
    chart: Chart
    head: list[str]
    rows: list[list[str]]
    narrow: Chart | None = None


@dataclass(frozen=True)
class Table:
    """A table of text; `strong` are the places of rows that stand out."""

    head: list[str]
    rows: list[list[str]]
    strong: frozenset[int] = frozenset()


def region_trend(run: RunFolder, zones: Zones) -> Named | None:
    """Mean of the region by model, with the interval of `zones.csv` where it has one."""
    means = run.manifest.get("regional_mean") or {}
    years, models = means.get("year") or [], means.get("models") or {}
    whole = zones.series(WHOLE, years)
    series = [
        Series(model_look(model), years, _floats(values), *_limits(whole.get(model)))
        for model, values in models.items()
    ]
    label = f"Mean stock of the region by year in {run.label}: {', '.join(models)}"
    chart, narrow = (line_chart(series, label, size=size) for size in ((760, 300), (340, 230)))
    if chart is None:
        return None
    rows = [
        [str(year), *(fixed(each.y[place], run.unit) for each in series)] for place, year in enumerate(years)
    ]
    return Named("Mean of the region", chart, ["year", *models], rows, narrow)


def zone_trends(run: RunFolder, zones: Zones) -> list[Named]:
    """A small chart for each zone, the largest first, on one scale."""
    if zones.courses is None:
        return []
    sized = zones.courses[zones.courses["zone"] != WHOLE].groupby("zone", sort=False)["area_km2"].max()
    keys = sized.sort_values(ascending=False, kind="stable").index[:MOST_ZONE_CHARTS]
    years = sorted({int(year) for year in zones.courses["year"]})
    drawn = {key: _zone_series(zones.series(key, years), years) for key in keys}
    limits = known_range(
        *(part for each in drawn.values() for one in each for part in (one.y, one.low, one.high, one.middle))
    )
    found = []
    for key, series in drawn.items():
        name = zones.names.get(key, key)
        chart = line_chart(series, f"Mean stock of {name} by year in {run.label}", size=_SMALL, limits=limits)
        if chart is not None:
            rows = [
                [str(year), *(fixed(each.y[at], run.unit) for each in series)]
                for at, year in enumerate(years)
            ]
            found.append(Named(name, chart, ["year", *(each.look.name for each in series)], rows))
    return found


def _zone_series(courses: dict, years: list[int]) -> list[Series]:
    return [
        Series(model_look(model), years, _floats(each["mean"]), *_limits(each))
        for model, each in courses.items()
    ]


def drivers(run: RunFolder) -> list[Named]:
    """Mean and 10-90 % of the sites by year of the covariates that change with time."""
    table = run.table("training.csv")
    if table is None:
        return []
    names = [name for name in table.columns[5:] if _is_annual(table, name)]
    found = []
    for name in names:
        column = COLUMNS.get(name)
        title = f"{column.long_name[0].upper()}{column.long_name[1:]}" if column else name
        unit = _driver_unit(column.unit) if column else ""
        by_year = table.groupby("year")[name]
        spread = pd.DataFrame(
            {"mean": by_year.mean(), "low": by_year.quantile(0.1), "high": by_year.quantile(0.9)}
        )
        years = [int(year) for year in spread.index]
        series = Series(
            _DRIVER, years, spread["mean"].tolist(), spread["low"].tolist(), spread["high"].tolist()
        )
        heading = f"{title} [{unit}]" if unit else title
        chart = line_chart([series], f"{heading} at the sites by year: mean and 10 to 90 %", size=_SMALL)
        if chart is not None:
            rows = [
                [str(year), *(f"{value:.4g}" for value in row)]
                for year, row in zip(years, spread.to_numpy(), strict=True)
            ]
            found.append(Named(heading, chart, ["year", "mean", "10 %", "90 %"], rows))
    return found


_DRIVER = Look("mean of the sites", "#4a6b3a")


def _is_annual(table: pd.DataFrame, name: str) -> bool:
    """By the schema; a covariate of the user's own, if it changes at any site."""
    if name in COLUMNS:
        return COLUMNS[name].time == "annual"
    numeric = pd.api.types.is_numeric_dtype(table[name])
    return bool(numeric and (table.groupby("site")[name].nunique() > 1).any())


def _driver_unit(unit: str) -> str:
    return {"1": "", "degC": "°C"}.get(unit, unit_text(unit))


def weight_curves(run: RunFolder) -> list[Named]:
    """Error over the weight of the simulations, of `validation/w_p_curve.csv`; none without it."""
    table = run.table("validation/w_p_curve.csv")
    if table is None:
        return []
    used = (run.manifest.get("forest") or {}).get("w_p")
    mark = None if used is None else (float(used), f"this run: {used:g}")
    found = []
    for score, title in (
        ("rmse", "RMSE of the stock"),
        ("rmse_change", "RMSE of the change"),
        ("ccc", "CCC of the stock"),
    ):
        groups = {} if score not in table else dict(list(table.groupby("time_weight", sort=False)))
        series = [
            Series(series_look(at, _TIME_WEIGHTS.get(name, name)), rows["w_p"].tolist(), rows[score].tolist())
            for at, (name, rows) in enumerate(groups.items())
        ]
        heading = title if score == "ccc" else f"{title} [{run.label}]"
        chart = line_chart(
            series, f"{heading} at held-out sites over w_p", size=_SMALL, years=False, mark=mark
        )
        if chart is not None:
            digits = 3
            weights = sorted({weight for each in series for weight in each.x})
            values = [dict(zip(each.x, each.y, strict=True)) for each in series]
            rows = [[f"{w:g}", *(f"{each.get(w, math.nan):.{digits}f}" for each in values)] for w in weights]
            found.append(Named(heading, chart, ["w_p", *(each.look.name for each in series)], rows))
    return found


def importance(run: RunFolder) -> list[tuple[str, str, float, float]]:
    """Name, meaning, share of all and share of the largest of each covariate, the largest first."""
    found = (run.manifest.get("forest") or {}).get("importance") or {}
    ordered = sorted(found.items(), key=lambda pair: -pair[1])
    largest = max([share for _, share in ordered], default=0) or 1
    return [
        (name, COLUMNS[name].long_name if name in COLUMNS else "", share, share / largest)
        for name, share in ordered
    ]


def accuracy(run: RunFolder) -> Table | None:
    """Scores at held-out sites, stocks in the unit of the region."""
    table = run.table("accuracy.csv")
    if table is None or not (table["n"] > 0).any():
        return None
    rows = [
        [row.model, row.campaign, f"{row.n}", fixed(row.rmse, run.unit), _score(row.ccc),
         fixed(row.mean_error, run.unit), _score(row.mec)]
        for row in table[table["n"] > 0].itertuples()
    ]  # fmt: skip
    head = ["model", "campaign", "n", f"RMSE [{run.label}]", "CCC", f"mean error [{run.label}]", "MEC"]
    return Table(head, rows, frozenset(at for at, row in enumerate(rows) if row[1] == "all"))


def zone_table(run: RunFolder, zones: Zones) -> tuple[str, Table] | None:
    """Model and table of what changed in each zone, with intervals where there are some."""
    if zones.changes is None:
        return None
    model = next((each for each in run.models if each in set(zones.changes["model"])), None)
    rows = zones.changes[zones.changes["model"] == model]
    if rows.empty:
        return None
    first, last = int(rows["first"].iloc[0]), int(rows["last"].iloc[0])
    means = {key: zones.corrected(key, model, last) for key in rows["zone"]}
    changes = {key: zones.corrected_change(key, model, first, last) for key in rows["zone"]}
    levels, tells = any(means.values()), any(changes.values())
    head = [
        *("zone", f"sites in {first} and {last}", "area [km²]", str(first), str(last)),
        *([f"{last} with held-out sites"] if levels else []),
        "change on the map",
        *(["change with held-out sites", "detectable"] if tells else []),
        f"change in all{'' if tells else ', on the map'} [kt\N{NO-BREAK SPACE}C]",
    ]
    lines = []
    for row in rows.itertuples():
        mean, change = means[row.zone], changes[row.zone]
        total = _total(row.total_change_kt_adjusted if change else row.total_change_kt)
        lines.append(
            [row.name or row.zone, f"{row.n_sites:,}", *_facts(zones, row.zone, model)(run, first, last),
             *([_with_limits(mean, run)] if levels else []), _signed(row.change, run),
             *([_with_limits(change, run, signed=True), _verdict(change)] if tells else []),
             f"{total}{' †' if tells and not change else ''}"]
        )  # fmt: skip
    whole = frozenset(at for at, key in enumerate(rows["zone"]) if key == WHOLE)
    return model, Table(head, lines, whole)


def _with_limits(three: tuple[float, float, float] | None, run: RunFolder, signed: bool = False) -> str:
    if three is None:
        return "–"
    value, low, high = (fixed(each, run.unit, signed) for each in three)
    return f"{value} ({low} to {high})"


def _facts(zones: Zones, key: str, model: str):
    """Area and means of a zone in its first and last year, as text."""
    table = zones.courses
    rows = (
        None if table is None else table[(table["zone"] == key) & (table["model"] == model)].set_index("year")
    )

    def told(run: RunFolder, first: int, last: int) -> list[str]:
        if rows is None or rows.empty:
            return ["–", "–", "–"]
        means = [fixed(rows["mean"].get(year, math.nan), run.unit) for year in (first, last)]
        return [f"{rows['area_km2'].iloc[0]:,.0f}", *means]

    return told


def _verdict(change: tuple[float, float, float] | None) -> str:
    if change is None:
        return "–"
    _, low, high = change
    return "gain" if low > 0 else "loss" if high < 0 else "no"


def _total(value: float) -> str:
    return f"{value:+,.1f}".replace("-", "−") if math.isfinite(value) else "–"


def _signed(value: float, run: RunFolder) -> str:
    return fixed(value, run.unit, signed=True)


def _score(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if math.isfinite(value) else "–"


def _floats(values) -> list[float]:
    return [math.nan if value is None else float(value) for value in values]


def _limits(course: dict | None) -> tuple[list[float], ...]:
    """Low, high and middle of a band, as `Series` takes them."""
    if not course or "low" not in course or "high" not in course:
        return [], [], []
    low, high = _floats(course["low"]), _floats(course["high"])
    known = np.isfinite(low) & np.isfinite(high)
    middle = np.where(known, _floats(course.get("middle", [math.nan] * len(low))), math.nan).tolist()
    return low, high, middle
