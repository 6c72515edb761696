"""What each figure of the evaluation states is what went in."""

import importlib
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from poml_map.grid import Grid
from poml_map.products import panel_row, validation
from poml_map.products.furniture import draw_pixels
from poml_map.products.validation.page import fixed, year_ticks
from poml_map.products.validation.scatter import relative_density

TEXTS = {"title": "A figure", "unit": "kg/m2"}
YEARS = np.arange(1980, 2001)


def words_of(files):
    """The texts of an SVG."""
    root = ElementTree.fromstring(files[1].read_text("utf-8"))
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def difference(target, value, a="POML", b="ML", half=0.01):
    return {
        "model_a": a, "model_b": b, "target": target, "difference": value, "low": value - half, "high": value + half
    }  # fmt: skip


def test_histograms_tell_mean_sd_and_n_without_missing_values(tmp_path):
    words = words_of(
        validation.draw_histograms(
            tmp_path / "a", stocks={1980: [4.0, 5.0, 6.0, np.nan]}, change=[-1.0, 1.0, 1.0, 1.0], **TEXTS
        )
    )
    assert "mean 5.00, SD 1.00, n 3" in words
    assert "mean +0.500, SD 1.00, n 4" in words
    assert "change: up at 75 %" in words


def test_campaigns_beyond_the_sixth_are_counted(tmp_path):
    words = words_of(
        validation.draw_histograms(tmp_path / "a", stocks={year: [1.0, 2.0] for year in range(9)}, **TEXTS)
    )
    assert "a Sites by stock (and 3 more)" in words


def test_scores_stand_over_the_scatter(tmp_path):
    scores = {"n": 2, "rmse": 0.1234, "ccc": 0.987, "me": -0.05, "mec": 0.9}
    words = words_of(
        validation.draw_scatter(tmp_path / "a", panels={"POML": ([4.0, 5.0], [4.1, 4.9], scores)}, **TEXTS)
    )
    assert {"RMSE 0.123, CCC 0.987", "ME −0.050, MEC 0.900, n 2", "1:1 line"} <= set(words)


def test_a_scatter_of_unequal_lengths_is_refused(tmp_path):
    with pytest.raises(ValueError, match="2 observed and 1 predicted stocks, expected equally many"):
        validation.draw_scatter(tmp_path / "a", panels={"ML": ([4.0, 5.0], [4.1], {})}, **TEXTS)
    assert list(tmp_path.iterdir()) == []


def test_density_is_highest_where_most_points_are():
    observed, predicted = np.r_[np.full(50, 2.0), 8.0], np.r_[np.full(50, 2.0), 8.0]
    dense = relative_density(observed, predicted, (0.0, 10.0))
    assert (dense[:50] == 1).all()
    assert dense[50] == pytest.approx(1 / 50)


def test_many_points_are_one_picture_in_the_svg(tmp_path):
    observed = np.random.default_rng(0).normal(4, 1, 6000)
    few, many = (
        validation.draw_scatter(tmp_path / str(n), panels={"ML": (observed[:n], observed[:n], {})}, **TEXTS)[
            1
        ].read_text()
        for n in (500, 6000)
    )
    assert few.count("<use") > 500 > many.count("<use")


def test_a_course_needs_a_value_for_each_year(tmp_path):
    with pytest.raises(ValueError, match=r"mean of shape \(3,\).*expected \(21,\)"):
        validation.draw_time(
            tmp_path / "a", years=YEARS, models={"ML": (np.ones(3), np.ones(21))}, observed=([],) * 4, **TEXTS
        )


def test_nested_default_and_best_weights_are_named(tmp_path):
    curve = [{"w_p": w, "rmse": 0.4 + w, "ccc": 0.5} for w in (0.0, 0.5, 1.0)]
    words = words_of(
        validation.draw_weights(
            tmp_path / "a", curves={"constant": curve}, chosen={"constant": [0.0, 0.0, 0.5]},
            nested={"constant": {"w_p": 0.17, "rmse": 0.5, "ccc": 0.5}}, **TEXTS,
        )
    )  # fmt: skip
    assert {"default", "nested folds choose", "best on the same folds (optimistic)", "×2"} <= set(words)
    assert "RMSE of the change (kg C m⁻²)" not in words  # there is none


def test_a_ring_marks_the_best_weight_of_each_score(tmp_path):
    """RMSE is best where it is lowest, CCC where it is highest: here at the two ends of the axis."""
    curve = [{"w_p": w, "rmse": 0.4 + w, "ccc": 0.5 + 0.1 * w} for w in (0.0, 0.5, 1.0)]
    svg = validation.draw_weights(tmp_path / "a", curves={"constant": curve}, **TEXTS)[1].read_text()
    rmse, ccc = (
        float(x) for x in re.findall(r'x="([\d.]+)" y="[\d.]+" style="fill-opacity: 0; stroke: #a8431a', svg)
    )
    assert ccc - rmse > 250  # of 374 points that the page is wide


def test_zones_with_most_observations_are_drawn_in_alphabetical_order(tmp_path):
    zones = {f"zone {n:02d}": {"ML": np.full(21, 4.0)} for n in range(15)}
    observed = {name: ([1980], [4.0], [n]) for n, name in enumerate(zones)}
    words = words_of(
        validation.draw_zone_trends(tmp_path / "a", years=YEARS, zones=zones, observed=observed, **TEXTS)
    )
    assert [word for word in words if word.startswith("zone")] == [f"zone {n:02d}" for n in range(3, 15)]
    assert "and 3 more in the table; these have the most observations" in words


def test_the_most_important_covariate_is_on_top(tmp_path):
    files = validation.draw_importance(
        tmp_path / "a", title="A", names=["low", "none", "high"], what="share",
        models={"ML": ([0.1, np.nan, 0.3], [0.0, 0.0, 0.0]), "POML": ([0.3, 0.2, 0.1], [0.0, 0.0, 0.0])},
    )  # fmt: skip
    assert [word for word in words_of(files) if word in ("low", "high", "none")] == ["high", "low", "none"]


def test_differences_are_grouped_and_the_better_side_is_named(tmp_path):
    rows = [
        difference("change", 0.1),
        difference("t1", -0.1),
        difference("trend", 0.0),
        difference("t2", np.nan),
    ]
    words = words_of(validation.draw_differences(tmp_path / "a", rows=rows, **TEXTS))
    heads = [word for word in words if word.startswith("RMSE of") or word == "trend"]
    assert heads == ["RMSE of first campaigns", "RMSE of the change", "trend"]
    assert {"← first is better", "second is better →", "−0.100", "+0.100", "+0.000", "POML – ML"} <= set(
        words
    )


def test_a_difference_is_in_the_colour_of_the_better_model_only_if_that_is_sure(tmp_path):
    def count(value, color):
        rows = [difference("t1", value)]
        return validation.draw_differences(tmp_path / "a", rows=rows, **TEXTS)[1].read_text().count(color)

    poml, ml = (validation.model_look(name).color for name in ("POML", "ML"))
    assert count(-0.1, poml) > 0 == count(-0.1, ml)
    assert count(0.1, ml) > 0 == count(0.1, poml)
    assert count(-0.001, poml) == count(-0.001, ml) == 0


def test_each_folding_stands_with_its_question_and_scores(tmp_path):
    rows = [
        {"folding": "blocks", "question": "What of a part without sites?", "model": model, "rmse": rmse}
        for model, rmse in (("POML", 0.4567), ("YEAR_MEAN", np.nan))
    ]
    words = words_of(validation.draw_folding_scores(tmp_path / "a", rows=rows, **TEXTS))
    assert {"blocks", "What of a part without sites?", "POML", "0.457", "Mean of the year", "–"} <= set(words)


def test_distances_are_drawn_in_kilometres(tmp_path):
    words = words_of(
        validation.draw_distances(tmp_path / "a", title="A", curves={"map": np.linspace(0, 40_000, 99)})
    )
    assert "40" not in words[:1]
    assert {"0", "10", "20", "30"} <= set(words)
    assert any("(km)" in word for word in words)


def test_a_model_without_error_is_named_so(tmp_path):
    models = {"POML": np.full(21, 0.3), "PO": np.full(21, np.nan)}
    words = words_of(
        validation.draw_truth(tmp_path / "a", years=YEARS, models=models, sampled=[1980], **TEXTS)
    )
    assert {"POML", "PO (RothC) (no error known)", "sampled year"} <= set(words)


def test_maps_may_come_reduced(tmp_path):
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 900, 700)
    maps = [np.full(grid.shape, 4.0), np.full(grid.shape, 4.5)]
    whole, reduced = (
        validation.draw_map_series(
            tmp_path / name, rows={"POML": rows}, columns=[1980, 2000], grid=grid, **TEXTS
        )
        for name, rows in (("whole", maps), ("reduced", panel_row(maps, grid)))
    )
    assert [path.read_bytes() for path in whole] == [path.read_bytes() for path in reduced]
    assert {"POML", "1980", "mean 4.000", "mean 4.500", "100 km"} <= set(words_of(whole))
    assert whole[1].read_text().count("<image") >= 2


def test_a_row_with_a_map_too_few_is_refused(tmp_path):
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 30, 20)
    with pytest.raises(ValueError, match=r"rows\['ML'\] has 1 maps, expected 2"):
        validation.draw_map_series(
            tmp_path / "a", rows={"ML": [np.ones(grid.shape)]}, columns=[1980, 2000], grid=grid, **TEXTS
        )


@pytest.mark.parametrize(("low", "high"), [(1980, 2000), (2000, 2000), (1983, 1984), (1900, 2023)])
@pytest.mark.parametrize("width", [60, 125, 460])
def test_years_on_an_axis_are_whole_within_and_apart(low, high, width):
    per_pixel = max(high - low, 1) / width
    ticks = year_ticks(low, high, per_pixel)
    assert len(ticks) >= 1
    assert (ticks == ticks.round()).all()
    assert low <= ticks.min() <= ticks.max() <= high
    assert len(ticks) == 1 or np.diff(ticks).min() / per_pixel >= 42


def test_a_rounded_zero_has_no_minus():
    assert fixed(-1e-9, "kg/m2", signed=True) == "+0.000"


def _scale_bar(monkeypatch, module, draw):
    """How wide the scale bar takes the map for, and how wide the maps are drawn. [layout pixel]"""
    seen = {"bar": [], "map": []}

    def bar(sheet, left, top, place, grid):
        seen["bar"].append(place.width * 100 / sheet.dpi)

    def pixels(sheet, left, top, values, place, grid, scale, outlines):
        axes = draw_pixels(sheet, left, top, values, place, grid, scale, outlines).axes
        seen["map"].append(axes.get_position().width * sheet.width)
        return axes

    monkeypatch.setattr(module, "draw_scale_and_north", bar)
    monkeypatch.setattr(module, "draw_pixels", pixels)
    draw()
    return seen


@pytest.mark.parametrize("name", ["mapseries", "applicability", "gain"])
def test_the_scale_bar_is_that_of_the_maps_as_they_are_drawn(monkeypatch, tmp_path, name):
    field = np.add.outer(np.zeros(40), np.arange(60.0)) % 3
    options = {
        "mapseries": ("draw_map_series", {"rows": {"ML": [field]}, "columns": [1980], "unit": "kg/m2"}),
        "applicability": (
            "draw_applicability",
            {"years": [1980], "shares": {"all": [1.0]}, "maps": {1980: field}},
        ),
        "gain": ("draw_gain", {"maps": {"Level": field}, "unit": "kg/m2"}),
    }
    function, arguments = options[name]
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 60, 40)
    module = importlib.import_module(f"poml_map.products.validation.{name}")
    seen = _scale_bar(
        monkeypatch,
        module,
        lambda: getattr(validation, function)(tmp_path / "a", title="A figure", grid=grid, **arguments),
    )
    assert seen["bar"] == pytest.approx(seen["map"])


def test_the_share_of_pixels_that_are_nearer_is_told(tmp_path):
    field = np.array([[0.2, 0.2, -0.1, np.nan]])
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 4, 1)
    words = words_of(validation.draw_gain(tmp_path / "a", maps={"Level": field}, grid=grid, **TEXTS))
    assert "POML is nearer in 67 % of the pixels, by +0.100 in the mean" in words
