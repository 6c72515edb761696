"""Layers as whole steps: what is packed is what the script unpacks."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poml_map.products.page.encode import NOTHING, packed, quantised


def _unpacked(offset, text, shape):
    halves = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.int64)
    folded = (halves[: len(halves) // 2] << 8 | halves[len(halves) // 2 :]).reshape(shape)
    codes = np.cumsum(np.where(folded & 1, -(folded + 1 >> 1), folded >> 1), axis=0) % 65536
    return np.where(codes == 65535, NOTHING, codes + offset)


_STEPS = st.integers(-1000, 64534) | st.just(NOTHING) | st.sampled_from([-1000, 64534])


@given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 6)), elements=_STEPS))
def test_every_step_comes_back(steps):
    assert np.array_equal(_unpacked(*packed(steps), steps.shape), steps)


def test_a_range_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at most 65534"):
        packed(np.array([[0, 65535]]))


@given(st.floats(-60, 200, width=32), st.integers(0, 3))
def test_steps_are_what_is_written_with_so_many_decimals(value, digits):
    step = int(quantised(value, digits))
    assert abs(step - value * 10**digits) <= 0.5
    assert f"{step / 10**digits + 0.0:.{digits}f}" in (
        f"{value:.{digits}f}",
        f"{value + 0.0:.{digits}f}".lstrip("-"),
    )
