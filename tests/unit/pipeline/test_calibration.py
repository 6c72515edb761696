"""A fit in words: what a reader may and may not conclude."""

import numpy as np
import pytest

from poml_map import rothc
from poml_map.pipeline.calibration import calibration_lines, fit_details, interval_text, law
from poml_map.pipeline.process_choices import process_options
from poml_map.pipeline.site_model import build_site_model


@pytest.fixture
def fit(region, points, observe):
    """Result of a calibration on stocks of a known law."""

    def make(mu_max, k_m, noise=0.0, n=12):
        where, here = region(), points(n)
        ids, later = [f"s{number}" for number in range(n)], [(site, 1986) for site in range(n)]
        samples = observe(where, here, ids, [1980] * n, later, mu_max=mu_max, k_m=k_m, noise=noise)
        return rothc.calibrate(build_site_model(where, samples, here, process_options(where)).problem)

    return make


def _lines(result, unit="kg/m2"):
    details = {
        "origin": "calibrated",
        "law": law(result.mu_max, result.k_m, result.limit),
        **fit_details(result),
    }
    return calibration_lines(details, unit)


def test_without_a_fit_there_is_nothing_to_say():
    assert calibration_lines({"origin": "assumed"}, "kg/m2") == []


def test_the_best_fit_stands_in_bold_between_both_limits(fit):
    table = [line.strip() for line in _lines(fit(1.4, 0.06, noise=0.05)) if line.strip().startswith("|")]
    assert table[2].startswith("| 0 | ")
    assert table[-1].startswith("| ∞ | ∞ | ")
    assert sum("**" in line for line in table) == 1
    assert 8 <= len(table) <= 12


@pytest.mark.parametrize(
    ("truth", "row"), [((1.3, 0.0), "**0** | **1.3** |"), ((1e8, 1e7), "**∞** | **∞** |")]
)
def test_a_fit_at_a_limit_is_the_end_of_its_table(fit, truth, row):
    text = "\n".join(_lines(fit(*truth)))
    assert row in text


def test_misfits_are_in_the_unit_that_was_asked_for(fit):
    result = fit(1.4, 0.06, noise=0.05)
    rmse = np.sqrt(result.loss)
    assert f"RMSE {rmse:.4f} kg C m-2" in "\n".join(_lines(result))
    tonnes = "\n".join(_lines(result, "t/ha"))
    assert f"RMSE {10 * rmse:.4f} t C ha-1" in tonnes
    assert f"**{10 * rmse:.4f}** |" in tonnes


def test_a_standard_error_that_is_not_known_is_left_out(fit):
    text = "\n".join(_lines(fit(1.4, 0.06, n=1)))
    assert "nan" not in text
    assert "standard error" not in text
    assert "standard error" in "\n".join(_lines(fit(1.4, 0.06, noise=0.05)))


def test_an_open_interval_says_infinity(fit):
    assert interval_text(fit(1e8, 1e7).profile).endswith("kg/m2 to infinity is not excluded (95 %)")
    assert interval_text(fit(1.3, 0.0).profile).startswith("K_m from 0 to ")


def test_classes_have_a_line_each():
    groups = {
        "column": "LAND_USE",
        "loss_kg2_m4": 0.09,
        "classes": {
            1: {
                "law": "mu = 1.3",
                "n_observations": 20,
                "loss_kg2_m4": 0.04,
                "profile": {"text": "K_m from 0"},
            },
            3: {"law": "that of all sites", "n_observations": 4},
        },
    }
    pooled = {
        "origin": "calibrated", "law": "mu = 1.2", "n_observations": 24, "loss_kg2_m4": 0.05, "n_starts": 5,
        "gradient": (1e-9,), "condition_number": 1.0, "typical_bio_kg_m2": 0.07, "mu_at_typical_bio": 1.2,
        "standard_errors_of_logs": {"mu_at_typical_bio": 0.05}, "groups": groups,
        "profile": {"text": "K_m from 0", "best": 0, "points": [
            {"k_m_kg_m2": 0.0, "mu_max": 1.2, "mu_at_typical_bio": 1.2, "loss_kg2_m4": 0.05}
        ]},
    }  # fmt: skip
    lines = calibration_lines(pooled, "kg/m2")
    assert any(
        "Fitted apart by LAND_USE, RMSE of all later observations 0.3000 kg C m-2" in line for line in lines
    )
    assert "  - LAND_USE 1, 20 later observations: mu = 1.3; RMSE 0.2000 kg C m-2; K_m from 0." in lines
    assert "  - LAND_USE 3, 4 later observations: that of all sites." in lines
