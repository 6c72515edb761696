"""What a process model returns: shapes that fit, draws that are complete."""

import numpy as np
import pytest

from poml_map.hybrid.simulated import Simulated, as_simulated


def test_plain_stocks_have_no_draws():
    found = as_simulated([[1, 2], [3, np.nan]])
    assert found.draws is None
    assert (found.n_draws, found.stocks.dtype) == (0, np.float64)


def test_what_is_simulated_already_stays_as_it_is():
    one = Simulated(np.ones((2, 3)), np.ones((4, 2, 3)))
    assert as_simulated(one) is one


def _with(place, value):
    draws = np.ones((4, 2, 3))
    draws[place] = value
    return draws


@pytest.mark.parametrize(
    ("stocks", "draws", "told"),
    [
        (np.ones(3), None, "stocks has 1 dimension"),
        (np.array([[1.0, np.inf]]), None, r"stocks\[0, 1\] is infinite"),
        (np.ones((2, 3)), np.ones((4, 3, 2)), r"draws has shape \(4, 3, 2\), expected \(draws, 2, 3\)"),
        (np.ones((2, 3)), np.ones((0, 2, 3)), "one draw at least"),
        (np.ones((2, 3)), _with((1, 0, 2), np.inf), r"draws\[1, 0, 2\] is infinite"),
        (np.ones((2, 3)), _with((1, 0, 2), np.nan), r"draws\[1, 0, 2\] is nan .* where `stocks` is not"),
    ],
)
def test_what_does_not_fit_is_refused(stocks, draws, told):
    with pytest.raises(ValueError, match=told):
        Simulated(stocks, draws)


def test_a_draw_may_be_missing_where_there_is_no_stock():
    assert Simulated(np.full((1, 1), np.nan), np.full((2, 1, 1), np.nan)).n_draws == 2
