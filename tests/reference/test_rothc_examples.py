"""The two published examples of Rothamsted Research, month by month.

RothC_Py (commit f2ab6df) and RothC_Code (Fortran 2.0.0, commit 1e0dadc), both Apache-2.0, t C/ha. The files are not
part of the repository: set POML_MAP_SHARED to the folder that holds reference/rothc.
"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map import rothc

if "POML_MAP_SHARED" not in os.environ:
    pytest.skip("POML_MAP_SHARED is not set: the published examples are not at hand", allow_module_level=True)

FOLDER = Path(os.environ["POML_MAP_SHARED"]) / "reference" / "rothc"
POOLS = ["DPM_t_C_ha", "RPM_t_C_ha", "BIO_t_C_ha", "HUM_t_C_ha"]


def read(name, where=lambda row: True):
    with open(FOLDER / name, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if where(row)]


def column(rows, *names):
    values = np.array([[float(row[name]) for name in names] for row in rows])
    return values[:, 0] if len(names) == 1 else values


class Example:
    """Inputs and results of one published example."""

    def __init__(self, name):
        self.soil = read("spinup.csv", lambda row: row["example"] == name)[0]
        self.clay, self.depth_cm = float(self.soil["clay_pct"]), float(self.soil["depth_cm"])
        self.start = column([self.soil], *POOLS)[0]
        self.expected = read(f"{name}_expected_monthly.csv")
        self.inputs = {
            phase: read(f"{name}_inputs.csv", lambda row, phase=phase: row["phase"] == phase)
            for phase in ("spinup", "forward")
        }

    def water(self, phase):
        rows = self.inputs[phase]
        pan = rothc.evaporation_from_pan(column(rows, "evap_pan_mm"))
        return column(rows, "rain_mm"), pan, self.clay, self.depth_cm, column(rows, "plant_cover")

    def rate(self, phase, initial):
        return rothc.rate_modifier(column(self.inputs[phase], "tmp_C"), *self.water(phase), initial)[0]

    def carbon(self, phase):
        rows = self.inputs[phase]
        ratio = set(column(rows, "dpm_rpm"))
        assert ratio == {1.44}
        return column(rows, "c_input_t_C_ha"), column(rows, "fym_t_C_ha")

    def forward(self):
        plant, manure = self.carbon("forward")
        rate = self.rate("forward", float(self.soil["SWC_end_mm"]))
        return rothc.simulate(self.start, rate, plant, self.clay, manure=manure)


@pytest.fixture(scope="module", params=["rothc_py", "rothc_code"])
def example(request):
    return Example(request.param)


def test_modifiers_match_rothc_py_month_by_month():
    """828 months: same double arithmetic, so 1e-9."""
    expected = read("rothc_py_modifiers_monthly.csv")
    site = Example("rothc_py")
    rows = site.inputs["forward"]
    deficit = rothc.moisture_deficit(*site.water("forward"))
    assert len(expected) == len(deficit) == 828
    assert_allclose(
        rothc.temperature_modifier(column(rows, "tmp_C")), column(expected, "RM_TMP"), rtol=0, atol=1e-9
    )
    assert_allclose(deficit, column(expected, "SWC_mm"), rtol=0, atol=1e-9)
    moisture = rothc.moisture_modifier(deficit, site.clay, site.depth_cm)
    assert_allclose(moisture, column(expected, "RM_Moist"), rtol=0, atol=1e-9)
    cover = rothc.cover_modifier(column(rows, "plant_cover"))
    assert_allclose(cover, column(expected, "RM_PC"), rtol=0, atol=1e-9)
    assert_allclose(
        site.rate("forward", 0.0), np.prod(column(expected, "RM_TMP", "RM_Moist", "RM_PC"), axis=1), atol=1e-9
    )


def test_pools_match_rothc_py_month_by_month():
    """Another order of sums and powers for exponentials: agreement is to rounding, not to a tuned tolerance."""
    site = Example("rothc_py")
    pools = site.forward()
    assert pools.shape == (828, 4)
    assert_allclose(pools, column(site.expected, *POOLS), rtol=0, atol=1e-9)


def test_pools_and_modifiers_match_the_fortran():
    """Printed to 4 decimals, single-precision constants: 5e-4."""
    site = Example("rothc_code")
    assert_allclose(site.forward(), column(site.expected, *POOLS), rtol=0, atol=5e-4)
    deficit = rothc.moisture_deficit(*site.water("forward"))
    assert_allclose(deficit, column(site.expected, "SMD_mm"), rtol=0, atol=0.006)


def test_respired_carbon_matches_the_fortran():
    """Accumulated over 69 years from single-precision figures: 0.01 of about 130 t/ha."""
    site = Example("rothc_code")
    plant, manure = site.carbon("forward")
    balance = rothc.carbon_balance(site.start, site.rate("forward", 0.0), plant, site.clay, manure=manure)
    assert_allclose(balance.respired, column(site.expected, "CO2_t_C_ha")[-1], rtol=0, atol=1e-2)


def test_stock_at_year_ends_matches_both_codes(example):
    plant, manure = example.carbon("forward")
    record = np.arange(0, 829, 12)
    iom = float(example.soil["IOM_t_C_ha"])
    rate = example.rate("forward", 0.0)
    stocks = rothc.simulate_stock(example.start, iom, rate, plant, example.clay, manure=manure, record=record)
    tolerance = 1e-9 if example.soil["example"] == "rothc_py" else 5e-4
    assert_allclose(stocks[0], float(example.soil["SOC_t_C_ha"]), rtol=0, atol=max(tolerance, 1e-4))
    assert_allclose(stocks[1:], column(example.expected, "SOC_t_C_ha")[11::12], rtol=0, atol=tolerance)


def test_closed_form_equilibrium_lies_just_above_the_iterated_spin_up(example):
    """The codes stop when a year changes less than 1e-6 t/ha, about 1e-4 t/ha short of the end."""
    deficit = rothc.periodic_deficit(*example.water("spinup"))
    assert_allclose(deficit[-1], float(example.soil["SWC_end_mm"]), atol=1e-9)
    plant, manure = example.carbon("spinup")
    pools = rothc.equilibrium(example.rate("spinup", deficit[-1]), plant, example.clay, manure=manure)
    assert_allclose(pools, example.start, rtol=0, atol=5e-4)
    assert 0 < pools.sum() - example.start.sum() < 5e-4


def test_repeating_the_spin_up_year_with_the_official_stop_rule_gives_the_published_pools():
    """RothC_Py: same rule, same number of months, 1e-9."""
    site = Example("rothc_py")
    rate, (plant, _) = site.rate("spinup", 0.0), site.carbon("spinup")
    pools, total, months = np.zeros(4), 0.0, 0
    while True:
        pools = rothc.simulate(pools, rate, plant, site.clay)[-1]
        months += 12
        if abs(pools.sum() - total) < 1e-6:
            break
        total = pools.sum()
    assert_allclose(pools, site.start, rtol=0, atol=1e-9)
    assert months == int(site.soil["spinup_months"])


def test_deficit_follows_the_published_worked_table():
    """Clay 23.4 %, 23 cm, covered all year, printed to 2 decimals."""
    rows = read("rothamsted_tsmd_table.csv")
    pan = rothc.evaporation_from_pan(column(rows, "evap_pan_mm"))
    deficit = rothc.moisture_deficit(column(rows, "rain_mm"), pan, 23.4, 23.0, 1.0)
    assert_allclose(deficit, column(rows, "acc_tsmd_mm"), rtol=0, atol=0.005)
