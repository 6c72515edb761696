"""Models can be told apart by everybody, and are called the same on every page."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from poml_map.hybrid.evaluation import MODELS
from poml_map.pipeline.known_truth import MAPS
from poml_map.products.palette import cielab
from poml_map.products.validation import LOOKS, model_look, model_name
from poml_map.products.validation.looks import SERIES

# Machado, Oliveira & Fernandes (2009), doi:10.1109/TVCG.2009.113: severity 1, for linear RGB.
VISION = {
    "usual": np.eye(3),
    "without red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "without blue cones": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def seen(color, vision):
    """CIELAB of a colour as such an eye sees it."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    return cielab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("looks", [LOOKS.values(), SERIES], ids=["models", "series"])
def test_colours_differ_for_all_colour_vision(looks, vision):
    """15 in CIELAB is several times what can just be seen between two patches side by side."""
    for one, two in combinations(looks, 2):
        assert np.linalg.norm(seen(one.color, vision) - seen(two.color, vision)) > 15, (one, two)


def test_colour_is_never_the_only_cue():
    for attribute in ("name", "marker", "dashes"):
        assert len({getattr(look, attribute) for look in LOOKS.values()}) == len(LOOKS)


def test_every_model_and_map_of_the_evaluation_has_a_look():
    assert set(LOOKS) == {*MODELS, *MAPS}


def test_an_unknown_model_is_called_what_it_is_called():
    assert model_name("MINE") == "MINE"
    assert model_look("MINE").color not in {look.color for look in LOOKS.values()}
