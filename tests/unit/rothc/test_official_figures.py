"""Figures of the official RothC, typed in so that they are checked wherever the tests run.

Sources, both of Rothamsted Research and Apache-2.0, carbon in t C/ha:
RothC_Py, commit f2ab6df (1 March 2024): example input and month_results.csv; the modifiers were recorded on a run.
RothC_Code, Fortran 2.0.0, commit 1e0dadc (30 June 2025): example output, printed to 4 decimals.
Both run the same weather and management on other soils. All 828 months are compared in tests/reference.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poml_map import rothc

# Both examples: the spin-up year ("year 1"), then 1939 and 1940.
SPINUP_TEMPERATURE = [3.73, 3.08, 5.49, 7.4, 10.94, 14.4, 16.28, 16.24, 13.78, 9.51, 6.22, 4.09]
SPINUP_RAIN = [52.2, 42.9, 35.2, 52.0, 64.9, 46.3, 63.5, 60.6, 58.8, 63.4, 72.5, 60.9]
SPINUP_PAN = [6.6, 17.3, 40.7, 70.5, 103.5, 117.3, 130.1, 106.9, 61.9, 29.5, 8.8, 3.9]
SPINUP_COVER = [1.0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1]
SPINUP_INPUT = [0.0, 0, 0, 0, 0, 0, 0, 1.74, 0, 0, 0, 0]
TEMPERATURE = [3.99, 5.37, 5.46, 8.3, 10.53, 13.55, 15.56, 16.06, 14.07, 7.91, 8.47, 2.36]
TEMPERATURE += [-2.6, 1.61, 5.97, 8.52, 12.14, 15.66, 14.77, 15.47, 12.62, 8.8, 6.39, 3.03]
RAIN = [114.5, 30.7, 51.6, 90.3, 40.4, 74.9, 59.8, 96.4, 25.2, 103.6, 105.4, 58.0]
RAIN += [56.1, 52.9, 79.1, 69.7, 45.8, 35.4, 82.2, 6.0, 29.7, 81.4, 189.3, 46.2]
PAN = [8.2, 17.2, 43.1, 68.2, 99.3, 112.5, 128.9, 104.4, 64.2, 27.7, 12.9, 3.6]
PAN += [2.4, 18.2, 47.1, 78.9, 105.3, 120.3, 124.7, 111.3, 62.9, 28.1, 6.0, 3.0]
COVER = [1.0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1] + [1.0] * 12
INPUT = [0.0, 0, 0, 0, 0, 0, 0, 1.4643, 0, 0, 0, 0]
INPUT += [0.0, 0, 0, 0.0571, 0.0571, 0.0571, 0.0571, 0.0571, 0.2854, 0, 0, 0]

# RothC_Py: clay 13 %, 25 cm.
PY_SOIL = 13.0, 25.0
PY_START = [0.14546618698414296, 5.678120858752452, 0.7405937979752077, 27.642769420831222]
PY_SPINUP_YEARS = 1656
PY_A = [0.405041364799995, 0.533478324308255, 0.542529809884424, 0.868754071811216]
PY_A += [1.17567220836429, 1.65060319843175, 1.99702879506593, 2.08626628613496]
PY_A += [1.73818179683956, 0.819458158616149, 0.890667837689756, 0.27871461327434]
PY_A += [0.055013765558561, 0.229811908733405, 0.595357786022696, 0.897161684497962]
PY_A += [1.42125696671295, 2.01478700835641, 1.85839674590368, 1.98108555009598]
PY_A += [1.49793258821641, 0.933931573097658, 0.640802953040597, 0.32730150318638]
PY_B = [1, 1, 1, 1, 0.357778917451101, 0.2, 0.2, 0.880480324629816, 0.838848920863309, 1, 1, 1]
PY_B += [1, 1, 1, 1, 0.391614955692362, 0.2, 0.2, 0.2, 0.2, 1, 1, 1]
PY_DRIEST = -38.2717391304348
PY_DEFICIT = [0, 0, 0, 0, -34.075, PY_DRIEST, PY_DRIEST, -20.1717391304348, -21.2790869565217, 0, 0, 0]
PY_DEFICIT += [0, 0, 0, 0, -33.175, PY_DRIEST, PY_DRIEST, PY_DRIEST, PY_DRIEST, 0, 0, 0]
PY_POOLS = {
    1: [0.11879781153577303, 5.643727338207031, 0.7382361631904402, 27.64035086735307],
    7: [0.025278729679546454, 5.387712688401304, 0.7109076565704049, 27.60924468359783],
    8: [0.8742666483649808, 5.841410515098472, 0.6922334832708612, 27.585739303863516],
    9: [0.2593881222904308, 5.632314709554195, 0.7248795374828731, 27.619730489666342],
    12: [0.07302139331609193, 5.422154823708169, 0.7133801110667124, 27.605974986907576],
    16: [0.06372484743948635, 5.302910783209583, 0.6973919022721718, 27.58641845715141],
    20: [0.1299260417482996, 5.2600613437347725, 0.6847946576145342, 27.569986942230727],
    21: [0.28028428928454074, 5.353443936886769, 0.6832171742338399, 27.56778513357253],
    24: [0.10828713887006813, 5.202865543614263, 0.6788825393188336, 27.559985992997362],
}

# RothC_Code (Fortran): clay 23.4 %, 23 cm.
FORTRAN_SOIL = 23.4, 23.0
FORTRAN_START = [0.1606, 5.8213, 0.8717, 32.6202]
FORTRAN_B = [1, 1, 1, 1, 0.5480, 0.2446, 0.2, 0.7795, 0.7795, 1, 1, 1]
FORTRAN_B += [1, 1, 1, 1, 0.5768, 0.2, 0.2, 0.2, 0.2, 1, 1, 1]
FORTRAN_DEFICIT = [0, 0, 0, 0, -34.07, -43.55, -44.94, -26.84, -26.84, 0, 0, 0]
FORTRAN_DEFICIT += [0, 0, 0, 0, -33.17, -44.94, -44.94, -44.94, -44.94, 0, 0, 0]
FORTRAN_POOLS = {
    1: [0.1311, 5.7861, 0.8693, 32.6177],
    5: [0.0359, 5.5657, 0.8447, 32.5898],
    8: [0.8748, 5.9666, 0.8165, 32.5549],
    9: [0.2829, 5.7679, 0.8519, 32.5918],
    12: [0.0796, 5.5527, 0.8402, 32.5776],
    21: [0.2783, 5.4560, 0.8032, 32.5302],
    24: [0.1075, 5.3025, 0.7979, 32.5205],
}
FORTRAN_CO2 = {1: 0.0697, 8: 0.7252, 12: 1.8880, 21: 2.4413, 24: 2.7806}


def deficit_of(soil, rain=RAIN, pan=PAN, cover=COVER):
    return rothc.moisture_deficit(rain, rothc.evaporation_from_pan(pan), *soil, cover)


def rate_of(soil, temperature=TEMPERATURE, rain=RAIN, pan=PAN, cover=COVER, deficit=0.0):
    return rothc.rate_modifier(temperature, rain, rothc.evaporation_from_pan(pan), *soil, cover, deficit)[0]


def spinup_rate_of(soil):
    return rate_of(soil, SPINUP_TEMPERATURE, SPINUP_RAIN, SPINUP_PAN, SPINUP_COVER)


def test_modifiers_and_deficit_are_those_of_rothc_py():
    """The same double arithmetic, so to rounding of the record."""
    deficit = deficit_of(PY_SOIL)
    assert_allclose(rothc.temperature_modifier(TEMPERATURE), PY_A, rtol=0, atol=1e-12)
    assert_allclose(deficit, PY_DEFICIT, rtol=0, atol=1e-10)
    assert_allclose(rothc.moisture_modifier(deficit, *PY_SOIL), PY_B, rtol=0, atol=1e-12)


def test_the_rate_is_the_product_of_the_three_modifiers():
    rate, end = rothc.rate_modifier(TEMPERATURE, RAIN, rothc.evaporation_from_pan(PAN), *PY_SOIL, COVER)
    assert_allclose(rate, np.array(PY_A) * PY_B * np.where(COVER, 0.6, 1.0), rtol=1e-12)
    assert end == PY_DEFICIT[-1]


def test_pools_are_those_of_rothc_py():
    pools = rothc.simulate(PY_START, rate_of(PY_SOIL), INPUT, PY_SOIL[0])
    for month, expected in PY_POOLS.items():
        assert_allclose(pools[month - 1], expected, rtol=0, atol=1e-10, err_msg=f"month {month}")


def test_repeating_the_spin_up_year_by_the_official_rule_stops_at_the_published_pools():
    """From empty pools until a year adds less than 1e-6 t/ha; the deficit ends each year at 0."""
    assert deficit_of(PY_SOIL, SPINUP_RAIN, SPINUP_PAN, SPINUP_COVER)[-1] == 0.0
    years = PY_SPINUP_YEARS
    rate, c_input = np.tile(spinup_rate_of(PY_SOIL), years), np.tile(SPINUP_INPUT, years)
    year_ends = rothc.simulate(np.zeros(4), rate, c_input, PY_SOIL[0])[11::12]
    assert_allclose(year_ends[-1], PY_START, rtol=0, atol=1e-9)
    gains = np.diff(year_ends.sum(axis=1))
    assert gains[-1] < 1e-6 <= gains[-2]


@pytest.mark.parametrize(("soil", "iterated"), [(PY_SOIL, PY_START), (FORTRAN_SOIL, FORTRAN_START)])
def test_the_closed_form_lies_just_above_the_official_spin_up(soil, iterated):
    """The official rule stops about 1.3e-4 t/ha short of the end."""
    water = SPINUP_RAIN, rothc.evaporation_from_pan(SPINUP_PAN), *soil, SPINUP_COVER
    assert rothc.periodic_deficit(*water)[-1] == 0.0
    pools = rothc.equilibrium(spinup_rate_of(soil), SPINUP_INPUT, soil[0])
    assert_allclose(pools, iterated, rtol=0, atol=5e-4)
    assert 0 < pools.sum() - sum(iterated) < 5e-4


def test_deficit_and_moisture_modifier_are_those_of_the_fortran():
    deficit = deficit_of(FORTRAN_SOIL)
    assert_allclose(deficit, FORTRAN_DEFICIT, rtol=0, atol=0.006)
    assert_allclose(rothc.moisture_modifier(deficit, *FORTRAN_SOIL), FORTRAN_B, rtol=0, atol=1e-4)


def test_pools_and_respired_carbon_are_those_of_the_fortran():
    """Its constants have single precision: 5e-4."""
    run = FORTRAN_START, rate_of(FORTRAN_SOIL), np.array(INPUT), FORTRAN_SOIL[0]
    pools = rothc.simulate(*run)
    for month, expected in FORTRAN_POOLS.items():
        assert_allclose(pools[month - 1], expected, rtol=0, atol=5e-4, err_msg=f"month {month}")
    for month, expected in FORTRAN_CO2.items():
        respired = rothc.carbon_balance(run[0], run[1][:month], run[2][:month], run[3]).respired
        assert_allclose(respired, expected, rtol=0, atol=5e-4, err_msg=f"month {month}")


def test_stock_with_inert_carbon_is_that_of_both_codes():
    """IOM 3.0041 t/ha in both; totals of December 1939 and 1940."""
    for soil, start, totals, tolerance in (
        (PY_SOIL, PY_START, [36.81863131499855, 36.554121214800524], 1e-9),
        (FORTRAN_SOIL, FORTRAN_START, [42.0542, 41.7325], 5e-4),
    ):
        stock = rothc.simulate_stock(start, 3.0041, rate_of(soil), INPUT, soil[0], record=[12, 24])
        assert_allclose(stock, totals, rtol=0, atol=tolerance)


def test_deficit_follows_the_worked_table_of_the_model_description():
    """Clay 23.4 %, 23 cm, covered all year; in both repositories, printed to 2 decimals, so 0.005 mm."""
    rain = [74.0, 59, 62, 51, 52, 57, 34, 55, 58, 56, 75, 71]
    pan = [8.0, 10, 27, 49, 83, 99, 103, 91, 69, 34, 16, 8]
    table = [0, 0, 0, 0, -10.25, -27.5, -44.94, -44.94, -38.69, -8.19, 0, 0]
    assert_allclose(deficit_of(FORTRAN_SOIL, rain, pan, 1.0), table, rtol=0, atol=0.005)
