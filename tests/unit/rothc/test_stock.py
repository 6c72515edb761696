import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poml_map.rothc.stock import carbon_stock


def test_stock_is_content_times_density_of_the_fine_earth_in_the_layer():
    """20 g/kg of 1.3 g/cm3 in 20 cm: 260 kg of soil per m2 with 5.2 kg of carbon, less 5 % stones."""
    assert carbon_stock(20.0, 1.3, 0.0) == pytest.approx(5.2, rel=1e-15)
    assert carbon_stock(20.0, 1.3, 0.05, depth_cm=30) == pytest.approx(5.2 * 1.5 * 0.95, rel=1e-15)


def test_arrays_are_broadcast_and_a_missing_value_stays_missing():
    stock = carbon_stock([[10.0], [np.nan]], [1.0, 2.0, np.nan], 0.0)

    np.testing.assert_allclose(stock, [[2, 4, np.nan], [np.nan] * 3])
    assert np.isnan(carbon_stock(10.0, 1.0, np.nan))


@pytest.mark.parametrize("stones", [12.0, -0.1, [0.1, 12.0, np.nan]])
def test_stones_that_are_no_share_are_refused(stones):
    with pytest.raises(ValueError, match=r"coarse_fragments.* expected 0 to 1 .*percent divided by 100"):
        carbon_stock(20.0, 1.3, stones)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"soc_content": [20.0, -1.0]}, ["soc_content[1] is -1", "g/kg"]),
        ({"bulk_density": 1300.0}, ["bulk_density is 1300", "kg/m3 divided by 1000"]),
        ({"depth_cm": 0.2}, ["depth_cm is 0.2", "centimetres"]),
        ({"bulk_density": np.ones(3)}, ["soc_content (2,)", "bulk_density (3,)"]),
    ],
)
def test_other_units_are_refused(change, words):
    good = {"soc_content": [20.0, 10.0], "bulk_density": 1.3, "coarse_fragments": 0.1}
    with pytest.raises(ValueError) as refusal:
        carbon_stock(**(good | change))
    for word in [*words, "Mend:"]:
        assert word in str(refusal.value)


@given(st.floats(0, 600), st.floats(0.1, 2.65), st.floats(0, 1), st.floats(2, 300))
def test_a_stock_is_never_more_than_the_layer_weighs(content, density, stones, depth):
    stock = carbon_stock(content, density, stones, depth)

    assert 0 <= stock <= density * 10 * depth * 0.6 * (1 + 1e-12)
    assert stock == pytest.approx(carbon_stock(content, density, stones, depth / 2) * 2)
