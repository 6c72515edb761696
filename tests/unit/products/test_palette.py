"""Colours."""

import numpy as np
import pytest

from poml_map.products.palette import CHANGE, STOCK, cielab, shared_palette, to_palette


def _steps(colormap):
    return cielab(colormap(np.arange(colormap.N))[:, :3])


def test_cielab_of_known_colours():
    """sRGB primaries under D65, as tabulated by Lindbloom (CIE colour calculator), two decimals."""
    expected = [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86]]
    np.testing.assert_allclose(cielab(np.eye(3)), expected, atol=0.06)


def test_equal_steps_of_the_stock_look_equally_large():
    distances = np.linalg.norm(np.diff(_steps(STOCK), axis=0), axis=1)
    assert np.ptp(distances) < 0.1 * distances.mean()


def test_more_carbon_is_always_darker():
    """Lightness alone tells the order: in print and for every colour vision."""
    lightness = _steps(STOCK)[:, 0]
    assert (np.diff(lightness) < 0).all()
    assert lightness[0] - lightness[-1] > 70


def _as_seen_without_red_or_green(colors):
    """Deuteranopia after Machado et al. (2009), doi:10.1109/TVCG.2009.113, severity 1, on linear sRGB."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    matrix = [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
    linear = np.clip(linear @ np.transpose(matrix), 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_loss_and_gain_differ_for_the_colour_blind():
    """20 is far above the difference that is just seen (about 2)."""
    colors = _as_seen_without_red_or_green(CHANGE([0.25, 0.75])[:, :3])
    assert np.linalg.norm(np.subtract(*cielab(colors))) > 20


@pytest.mark.parametrize("colormap", [STOCK, CHANGE], ids=["stock", "change"])
def test_map_colours_survive_the_palette_exactly(colormap):
    colors = colormap(np.arange(colormap.N), bytes=True)[:, :3]
    noise = np.random.default_rng(0).integers(0, 256, (40, colormap.N, 3), dtype=np.uint8)
    frame = np.concatenate([colors[None], noise])
    palette = shared_palette([frame], colormap)
    assert len(palette) <= 256
    drawn = np.asarray(to_palette([frame], palette)[0].convert("RGB"))
    np.testing.assert_array_equal(drawn[0], colors)


def test_a_frame_of_map_colours_only_needs_no_others():
    frame = STOCK(np.zeros((3, 4)), bytes=True)[..., :3]
    assert len(shared_palette([frame], STOCK)) == STOCK.N + 2
