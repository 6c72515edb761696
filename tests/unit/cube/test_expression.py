"""Arithmetic from a catalog never becomes code."""

import numpy as np
import pytest

from poml_map.cube import open_layers
from poml_map.expression import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [("a", 4.0), ("-a + 2 * b", 8.0), ("(a + b) / 2", 5.0), ("a - b - 1", -3.0), ("a * 1e-1", 0.4)],
)
def test_arithmetic_is_arithmetic(text, value):
    assert evaluate(text, {"a": np.array([4.0]), "b": np.array([6.0])}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch x')", "a.__class__", "a[0]", "a ** 9 ** 9", "lambda: a", "a if a else b",
        "a; b", "c", "'text'", "True", "a // b", "[a]", "", "(" * 200 + "a" + ")" * 200, "a" * 400, "1j",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="expression"):
        evaluate(text, {"a": 1.0, "b": 2.0})


def test_a_bad_expression_is_a_problem_of_its_entry(mini, refused):
    mini.entries["precipitation"]["expression"] = "ppt * open('x')"
    assert "open('x')" in refused(mini)
    mini.entries["precipitation"]["expression"] = "ppt * 1"
    open_layers(mini.region())
