"""The picture of a calibration: right places, readable words, and what must not be overlooked."""

import numpy as np
import pytest
from PIL import Image

from poml_map.products import draw_calibration
from poml_map.products.calibration_figure import _captions, _place, _ticks
from poml_map.rothc.profile import RidgePoint, RidgeProfile

U = np.linspace(0, 1, 11)
TEXTS = {"title": "Somewhere: calibration", "unit": "kg/m2"}


def _profile(best=4, interval=(0.02, 0.2), depth=1.0, typical_bio=0.08):
    """A parabola of the loss in K_m / (K_m + typical BIO), with its lowest point in the middle or at an end."""
    typical = 1.0 - 0.3 * U
    with np.errstate(divide="ignore"):
        columns = typical_bio * U / (1 - U), typical / (1 - U), typical, 0.1 + depth * (U - U[best]) ** 2
    points = tuple(RidgePoint(*map(float, row)) for row in zip(*columns, strict=True))
    return RidgeProfile(typical_bio, points, best, 0.1 + 0.04 * depth, interval, 40)


def _picture(tmp_path, fits, **options):
    path = draw_calibration(fits, tmp_path / "calibration.png", **(TEXTS | options))
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int), picture.text


@pytest.mark.parametrize("best", [0, 4, 10])
@pytest.mark.parametrize("interval", [(0.0, np.inf), (0.02, 0.2), (0.0, 0.001)])
def test_any_fit_and_any_interval_are_drawn(tmp_path, best, interval):
    pixels, _ = _picture(tmp_path, {"all sites": _profile(best, interval)})
    accent = (np.abs(pixels - [0xA8, 0x43, 0x1A]).sum(axis=-1) < 30).sum()
    assert accent > 300  # line, dot and caption of the best fit


def test_the_grey_band_is_as_wide_as_the_interval(tmp_path):
    def band(interval):
        pixels, _ = _picture(tmp_path, {"all sites": _profile(interval=interval)})
        row = pixels[pixels.shape[0] // 4]
        return ((row > 225).all(axis=-1) & (row < 240).all(axis=-1)).sum()

    everything, half = band((0.0, np.inf)), band((0.0, 0.08))
    assert everything > 800
    assert half / everything == pytest.approx(0.5, abs=0.03)


def test_a_perfect_fit_is_drawn(tmp_path):
    profile = _profile(depth=1e-30, interval=(0.0533, 0.0533))
    points = tuple(point._replace(loss=0.0) for point in profile.points)
    perfect = RidgeProfile(profile.typical_bio, points, 4, 0.0, (0.0533, 0.0533), 40)
    _picture(tmp_path, {"all sites": perfect})


def test_notes_and_title_go_with_the_picture(tmp_path):
    _, text = _picture(tmp_path, {"all sites": _profile()}, notes=["Synthetic data"], subtitle="Grey: K_m")
    assert text["Title"] == "Somewhere: calibration"
    assert text["Comment"] == "Grey: K_m; Synthetic data"
    with_notes, without = (
        _picture(tmp_path, {"all sites": _profile()}, notes=notes)[0] for notes in (["Synthetic data"], [])
    )
    assert with_notes.shape[0] > without.shape[0]


def test_fits_of_classes_stand_two_in_a_row(tmp_path):
    one, three = (
        _picture(tmp_path, {f"LAND_USE {number}": _profile() for number in range(count)})[0].shape
        for count in (1, 3)
    )
    assert one[1] == three[1]
    assert 1.6 < three[0] / one[0] < 2.0


@pytest.mark.parametrize("typical_bio", [0.0007, 0.08, 0.9])
@pytest.mark.parametrize("width", [200, 540])
def test_marks_of_the_axis_are_round_and_apart(typical_bio, width):
    places, labels = _ticks(typical_bio, width)
    assert {"0", "∞"} < set(labels)
    assert len(labels) >= (4 if width == 200 else 6)
    assert np.diff(np.sort(places)).min() * width >= 34
    for place, label in zip(places, labels, strict=True):
        if label not in ("0", "∞"):
            assert float(label) / (float(label) + typical_bio) == pytest.approx(place, rel=1e-6)


def test_places_run_from_nothing_to_infinity():
    assert [_place(k_m, _profile()) for k_m in (0.0, 0.08, np.inf)] == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("best", "words"),
    [(0, "mu = 1 for any BIO"), (4, "K_m 0.0533, mu_max 1.47"), (10, "mu = 8.75 m² kg⁻¹ × BIO")],
)
def test_the_caption_states_only_what_a_limit_tells(best, words):
    assert _captions(_profile(best))[0] == f"best: {words}"
    assert _captions(_profile(best, (0.0, np.inf)))[1] == "not excluded (95 %): K_m 0 to ∞"


def test_the_misfit_is_in_the_unit_that_was_asked_for(tmp_path):
    """Ten times the numbers change the axis labels, and nothing else but them and the heading."""
    plain, tonnes = (
        _picture(tmp_path, {"all sites": _profile()}, unit=unit)[0] for unit in ("kg/m2", "t/ha")
    )
    assert plain.shape == tonnes.shape
    differing = np.flatnonzero((plain != tonnes).any(axis=(0, 2)))
    assert len(differing) > 0
