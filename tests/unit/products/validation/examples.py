"""Every figure once with usual data and once with awkward data, for the tests that all of them must pass."""

from functools import partial

import numpy as np

from poml_map.grid import Grid
from poml_map.products import validation

MODELS = ("POML", "ML", "ML_T1", "PO", "PERSISTENCE", "YEAR_MEAN")
YEARS = np.arange(1980, 2001)
NOTES = ["SYNTHETIC DATA: made by a computer program"]
NOTHING = np.full(21, np.nan)
GRID = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 60, 40)
_random = np.random.default_rng(0)
STOCKS = _random.normal(4.5, 0.6, 200)
SCORES = {"n": 200, "rmse": 0.4321, "ccc": 0.812, "me": -0.0123, "mec": 0.65}


def _pairs(n=200):
    observed = _random.normal(4.5, 0.6, n)
    return observed, observed + _random.normal(0, 0.3, n), SCORES | {"n": n}


def _course(level):
    return level + 0.02 * (YEARS - 1980) + _random.normal(0, 0.05, 21)


def _curve():
    return [
        {"w_p": w, "rmse": 0.44 + 0.1 * w**2, "ccc": 0.7 - 0.1 * w, "rmse_change": 0.35 + 0.05 * w}
        for w in np.linspace(0, 1, 11)
    ]


def _zones(count):
    names = [f"County {number:02d}" for number in range(count)]
    courses = {name: {model: _course(4.4) for model in MODELS[:3]} for name in names}
    seen = {name: ([1980, 2000], [4.4, 4.8], [number, number]) for number, name in enumerate(names)}
    return courses, seen


def _driver(unit, name, level):
    return unit, name, _course(level), _course(level) - 0.3, _course(level) + 0.3


def _differences():
    return [
        {"model_a": a, "model_b": b, "target": target, "difference": d, "low": d - 0.03, "high": d + 0.03}
        for target in ("t1", "t2", "pooled", "change")
        for a, b, d in (("POML", "ML", -0.05), ("POML", "PO", 0.01), ("PO", "PERSISTENCE", 0.06))
    ]


def _coverage(factor, n):
    return [
        {"level": level, "picp": level * factor, "n": n, "mean_width": 2 * level}
        for level in (0.5, 0.8, 0.9, 0.95)
    ]


def _foldings():
    questions = {
        "random": "A new site among these?",
        "kNNDM": "Each pixel of the map, near or far from a site? " * 2,
    }
    return [
        {
            "folding": name,
            "question": text,
            "model": model,
            "rmse": 0.4 + 0.05 * place,
            "low": 0.35,
            "high": 0.7,
        }
        for name, text in questions.items()
        for place, model in enumerate(MODELS)
    ]


def _maps(first=4.0):
    field = np.add.outer(np.arange(40.0), np.arange(60.0)) / 60
    field[:5] = np.nan
    return [first + field, first + 0.3 + field, first + 0.5 + field]


USUAL = {
    "histograms": partial(
        validation.draw_histograms, stocks={1980: STOCKS, 2000: STOCKS + 0.4},
        change=_random.normal(0.4, 0.3, 200), change_name="2000 minus 1980",
    ),
    "scatter": partial(validation.draw_scatter, panels={model: _pairs() for model in MODELS}),
    "scatter of four": partial(validation.draw_scatter, panels={model: _pairs() for model in MODELS[:4]}),
    "time": partial(
        validation.draw_time, years=YEARS, models={model: (_course(4.4), np.full(21, 0.5)) for model in MODELS},
        observed=([1980, 2000], [4.4, 4.8], [0.6, 0.6], [200, 200]),
    ),
    "weights": partial(
        validation.draw_weights, curves={"constant": _curve(), "distance": _curve()},
        chosen={"constant": [0.1, 0.1, 0.3], "distance": [0, 0, 0.2]},
        nested={"constant": {"w_p": 0.17, "rmse": 0.445, "ccc": 0.69, "rmse_change": 0.36}},
    ),
    "zones": partial(validation.draw_zone_trends, years=YEARS, zones=_zones(14)[0], observed=_zones(14)[1]),
    "drivers": partial(
        validation.draw_drivers, years=YEARS,
        drivers={
            "TMP": _driver("degC", "mean air temperature", 16), "PRE": _driver("mm/year", "precipitation", 1100),
            "NDVI_DJF": _driver("1", "NDVI of January, February and December", 0.4),
            "FER": _driver("kg/ha", "fertiliser", 200),
        },
    ),
    "importance": partial(
        validation.draw_importance, names=["ELEV", "NDVI_MAM, mean NDVI of March to May", "TMP"],
        what="Rise of the RMSE when the covariate is shuffled at held-out sites (kg C m⁻²)",
        models={"POML": ([0.1, 0.2, 0.3], [0.01, 0.02, 0.02]), "ML": ([0.3, 0.1, 0.0], [0.01, 0.02, 0.02])},
    ),
    "differences": partial(validation.draw_differences, rows=_differences()),
    "intervals": partial(
        validation.draw_intervals, coverage={"held out": _coverage(1.0, 400), "fresh points": _coverage(0.97, 5000)},
        pit=[9, 10, 11, 10, 12, 9, 10, 9, 10, 10],
    ),
    "foldings": partial(validation.draw_folding_scores, rows=_foldings()),
    "distances": partial(
        validation.draw_distances,
        curves={"map to sites": 1e4 * STOCKS, "random": 1e4 * STOCKS**2, "kNNDM": 9e3 * STOCKS},
    ),
    "truth": partial(
        validation.draw_truth, years=YEARS, models={model: _course(0.4) for model in MODELS}, sampled=[1980, 2000],
        ranges={"POML": (_course(0.35), _course(0.45))},
    ),
    "maps": partial(
        validation.draw_map_series, rows={"POML": _maps(), "ML": _maps(4.2)}, columns=[1980, 1990, 2000], grid=GRID
    ),
    "applicability": partial(
        validation.draw_applicability, years=YEARS, grid=GRID, sampled=[1980, 2000],
        shares={"all training rows": np.linspace(0.9, 1, 21), "observed rows alone": np.linspace(0.9, 0.1, 21)},
        maps={year: np.round(field - 4) for year, field in zip((1980, 1990, 2000), _maps(), strict=True)},
    ),
    "gain": partial(
        validation.draw_gain, grid=GRID,
        maps={"Level, unsampled years": _maps(-0.5)[0], "Trend, in ten years": _maps(-0.9)[0]},
    ),
}  # fmt: skip

#: Nothing to draw, one of it, or too much of it.
AWKWARD = {
    "histograms of nothing": partial(validation.draw_histograms, stocks={1980: [np.nan]}),
    "histograms without campaigns": partial(validation.draw_histograms, stocks={}),
    "histograms of one site": partial(validation.draw_histograms, stocks={1980: [4.0]}, change=[0.0]),
    "histograms of many": partial(
        validation.draw_histograms, stocks=dict.fromkeys(range(1980, 1990), STOCKS), change=-STOCKS
    ),
    "scatter of nothing": partial(
        validation.draw_scatter, panels={"ML_T1": ([np.nan], [1.0], {"n": 0, "rmse": np.nan})}
    ),
    "scatter of one point": partial(validation.draw_scatter, panels={"a model of mine": ([4.0], [4.0], {})}),
    "scatter of many points": partial(validation.draw_scatter, panels={"POML": _pairs(6000)}),
    "time of one year": partial(
        validation.draw_time, years=[1980], models={"ML": ([4.0], [0.1]), "PO": ([np.nan], [np.nan])},
        observed=([1980], [4.1], [np.nan], [1]),
    ),
    "time of two years": partial(
        validation.draw_time, years=[1980, 2000], models={"ML": ([4.0, 4.1], [np.nan, 0.1])},
        observed=([], [], [], []),
    ),
    "weights without scores": partial(
        validation.draw_weights, curves={"constant": [{"w_p": 0.0, "rmse": 0.4, "ccc": np.nan}]}
    ),
    "no zones": partial(validation.draw_zone_trends, years=YEARS, zones={}),
    "an empty zone": partial(
        validation.draw_zone_trends, years=YEARS, zones={"Somewhere with a very long name": {"ML": NOTHING}, "b": {}}
    ),
    "no drivers": partial(validation.draw_drivers, years=YEARS, drivers={}),
    "an empty driver": partial(
        validation.draw_drivers, years=YEARS,
        drivers={"X": ("", "a name that takes many more than two lines above " * 2, NOTHING, NOTHING, NOTHING)},
    ),
    "no importance": partial(
        validation.draw_importance, names=["A"], models={"ML": ([np.nan], [np.nan])}, what="share"
    ),
    "importance of many": partial(
        validation.draw_importance, what="share",
        names=[f"COVARIATE_NUMBER_{n} with a name that goes on" for n in range(40)],
        models={"ML": (np.arange(40.0), np.full(40, np.nan))},
    ),
    "no differences": partial(validation.draw_differences, rows=[]),
    "one sided differences": partial(
        validation.draw_differences,
        rows=[{"model_a": "ML", "model_b": "PO", "target": "trend", "difference": 3.0, "low": np.nan, "high": np.nan}],
    ),
    "no intervals": partial(
        validation.draw_intervals, coverage={"held out": [{"level": 0.9, "picp": np.nan, "n": 0}]}, pit=[0, 0]
    ),
    "no foldings": partial(validation.draw_folding_scores, rows=[]),
    "a folding without score": partial(
        validation.draw_folding_scores,
        rows=[{"folding": "random", "model": "PO", "rmse": np.nan}, {"folding": "random", "model": "ML", "rmse": 0.4}],
    ),
    "no distances": partial(validation.draw_distances, curves={"map to sites": []}),
    "one distance": partial(validation.draw_distances, curves={"map to sites": [0.0], "random": []}),
    "no truth": partial(validation.draw_truth, years=YEARS, models={"POML": NOTHING}),
    "truth of one year": partial(validation.draw_truth, years=[2000], models={"POML": [0.4]}, sampled=[2000]),
    "no applicability": partial(
        validation.draw_applicability, years=YEARS, shares={"all training rows": NOTHING}, grid=GRID
    ),
    "one map of applicability": partial(
        validation.draw_applicability, years=[2000], shares={"all training rows": [0.5]}, grid=GRID,
        maps={2000: np.full(GRID.shape, np.nan)},
    ),
    "no gain": partial(validation.draw_gain, maps={"Level": np.full(GRID.shape, np.nan)}, grid=GRID),
    "an empty map": partial(
        validation.draw_map_series, rows={"POML": [np.full(GRID.shape, np.nan)]}, columns=[1980], grid=GRID
    ),
}  # fmt: skip

UNITLESS = ("draw_applicability", "draw_drivers", "draw_importance", "draw_distances")


def draw(name, path, **texts):
    """Draw an example; returns its PNG and SVG."""
    example = (USUAL | AWKWARD)[name]
    unit = {} if example.func.__name__ in UNITLESS else {"unit": "kg/m2"}
    return example(path, **({"title": "Somewhere: a figure", "notes": NOTES, **unit} | texts))
