"""What all figures of the evaluation have in common: two whole files, readable words, and no crash on empty panels."""

import importlib.util
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from poml_map.products import validation

_spec = importlib.util.spec_from_file_location("figure_examples", Path(__file__).with_name("examples.py"))
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)

USUAL, AWKWARD, NOTES = examples.USUAL, examples.AWKWARD, examples.NOTES
ALL = [*USUAL, *AWKWARD]
# The page is 13.2 cm wide; text of this size there is 5.4 points when it is shown at 8 cm. [point]
LEGIBLE = 9
SVG = "{http://www.w3.org/2000/svg}"


def text_of(svg):
    """All words of an SVG in one line."""
    root = ElementTree.fromstring(svg.read_text("utf-8"))
    return " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def test_every_drawing_function_has_an_example():
    drawn = {example.func.__name__ for example in USUAL.values()}
    assert drawn == {name for name in validation.__all__ if name.startswith("draw_")}


@pytest.mark.parametrize("name", ALL)
def test_png_and_svg_hold_the_same_drawing(figures, name):
    png, svg, drawn = figures(name)

    assert sorted(path.name for path in png.parent.iterdir()) == ["figure.v1.png", "figure.v1.svg"]
    assert {png.name, svg.name} == {"figure.v1.png", "figure.v1.svg"}
    with Image.open(png) as picture:
        assert picture.width == 1040
        assert 300 < picture.height < 3000
        assert np.round(picture.info["dpi"]).tolist() == [200, 200]
        assert picture.text["Title"] == "Somewhere: a figure"
        assert picture.text["Comment"] == f"below the title; {NOTES[0]}"
    assert "<dc:date>" not in svg.read_text("utf-8")
    words = text_of(svg)
    assert {"Somewhere: a figure", "below the title", *NOTES} <= {word.text for word in drawn}
    assert [word.text for word in drawn if word.text not in words] == []


@pytest.mark.parametrize("name", ALL)
def test_no_word_lies_on_another_or_leaves_the_page(figures, name):
    png, _, words = figures(name)

    with Image.open(png) as picture:
        width, height = picture.size
    inside = [
        word.left >= 0 and word.top >= 0 and word.right <= width and word.bottom <= height for word in words
    ]
    assert [word.text for word, fits in zip(words, inside, strict=True) if not fits] == []
    # Boxes are as tall as the font: lines that follow each other closely share a few pixels of nothing.
    clashes = [(one.text, two.text) for one, two in combinations(words, 2) if one.overlaps(two, slack=5)]
    assert clashes == []


@pytest.mark.parametrize("name", USUAL)
def test_the_smallest_text_can_be_read_at_half_a_page(figures, name):
    assert {word.text: word.size for word in figures(name)[2] if word.size < LEGIBLE} == {}


@pytest.mark.parametrize("name", USUAL)
def test_the_same_figure_gives_the_same_bytes(figures, tmp_path, name):
    again = examples.draw(name, tmp_path / "figure.v1", subtitle="below the title")

    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in figures(name)[:2]]


@pytest.mark.parametrize("name", sorted(set(USUAL) - {"applicability", "drivers", "importance", "distances"}))
def test_the_unit_is_on_the_page(tmp_path, name):
    _, svg = examples.draw(name, tmp_path / "figure", unit="t/ha")

    assert "t C ha⁻¹" in text_of(svg)
    assert "kg C m⁻²" not in text_of(svg)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("histograms of nothing", "no observed stock"),
        ("histograms of nothing", "no site was sampled"),
        ("scatter of nothing", "no held-out"),
        ("time of one year", "no prediction"),
        ("weights without scores", "nothing to score"),
        ("no zones", "no zone"),
        ("an empty zone", "no pixel"),
        ("no drivers", "no driver"),
        ("an empty driver", "no value"),
        ("no importance", "no held-out observation"),
        ("no differences", "no two models"),
        ("no intervals", "no value has an"),
        ("no foldings", "no folding"),
        ("no distances", "no distances"),
        ("one distance", "random: no distance"),
        ("no truth", "no year has both"),
        ("an empty map", "no data"),
        ("no applicability", "no year has a pixel"),
        ("no gain", "no data"),
    ],
)
def test_an_empty_panel_says_why(figures, name, reason):
    assert reason in text_of(figures(name)[1])
