import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from poml_map.demo import rivers
from poml_map.demo.fields import Field, Lattice, random_field, spectral_noise, spread, stream

BOUNDS = (119.0, 30.0, 120.0, 31.0)


def test_streams_of_two_purposes_differ_and_each_repeats():
    first, again, other = (stream(1, name).integers(2**32, size=4) for name in ("rain", "rain", "heat"))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_spread_values_have_the_same_mean_whatever_the_seed():
    assert_allclose([spread(stream(seed, "x"), 1.0, 3.0, 12).mean() for seed in range(5)], 2.0)


def test_a_random_field_has_mean_0_and_spread_1():
    field = random_field(stream(1, "any"), BOUNDS, 20.0)
    assert_allclose([field.values.mean(), field.values.std()], [0.0, 1.0], atol=1e-5)


def test_a_random_field_is_alike_nearby_and_unlike_far_away():
    field = random_field(stream(1, "any"), BOUNDS, 10.0)
    lon, lat = stream(2, "places").uniform((119.1, 30.1), (119.9, 30.9), (400, 2)).T
    here, near, far = field.at(lon, lat), field.at(lon + 0.01, lat), field.at(lon, lat[::-1])
    assert np.corrcoef(here, near)[0, 1] > 0.9
    assert abs(np.corrcoef(here, far)[0, 1]) < 0.3


def test_opposite_edges_of_a_random_field_do_not_repeat_each_other():
    """A Fourier sum is periodic; without a margin the right edge would continue into the left one."""
    values = spectral_noise(stream(1, "any"), Lattice.over(BOUNDS, 0.01), 15.0, 3.0)
    assert abs(np.corrcoef(values[:, 0], values[:, -1])[0, 1]) < 0.8
    assert np.corrcoef(values[:, 0], values[:, 1])[0, 1] > 0.9


def test_a_field_is_read_at_cell_centres_exactly_and_between_them_bilinearly():
    lattice = Lattice.over((0.0, 0.0, 2.0, 2.0), 1.0)
    field = Field(lattice, np.array([[1.0, 3.0], [5.0, 7.0]]))
    assert_allclose(field.at([0.5, 1.5, 1.0], [1.5, 0.5, 1.0]), [1.0, 7.0, 4.0])


def test_the_nearest_cell_is_the_one_that_holds_the_point():
    field = Field(Lattice.over((0.0, 0.0, 2.0, 2.0), 1.0), np.array([[1, 3], [5, 7]]))
    assert_array_equal(field.at([0.01, 0.99, 1.0, 1.99], [1.99, 1.01, 0.5, 0.01], order=0), [1, 1, 7, 7])


def test_carved_hills_drain_to_the_plain():
    """Hollows that no river leaves are what random relief has and real hills have not."""
    uplift = np.clip(np.linspace(1.0, -0.5, 64), 0, None) * np.ones((48, 1))
    height = rivers.carve(uplift, stream(1, "grain").standard_normal(uplift.shape))
    below, _ = rivers.receivers(height)
    while not np.array_equal(below, below[below]):
        below = below[below]
    assert (uplift.ravel()[below] == 0).mean() > 0.95
    assert (height[uplift == 0] == 0).all()
    assert height.max() > 1.0
