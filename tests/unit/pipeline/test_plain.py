"""What is stored as arrays and text comes back equal to the last bit, and nothing else comes out of such a file."""

import json
import pickle
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from poml_map.pipeline.plain import load_plain, plain_text, save_plain


class Point(NamedTuple):
    """Of the tests."""

    x: float
    y: float


@dataclass(frozen=True)
class Thing:
    """Of the tests."""

    name: str
    values: np.ndarray
    more: dict = field(default_factory=dict)
    _made: int = field(default=0, init=False)


CLASSES = (Point, Thing)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
keys = texts | st.integers() | st.booleans()
plain = arrays(scalar_dtypes().filter(lambda kind: kind.kind in "biuf"), array_shapes(max_dims=3, max_side=4))
points = st.builds(Point, st.floats(), st.floats())
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | plain | points,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(Thing, texts, plain, st.dictionaries(texts, inner, max_size=2))
    ),
    max_leaves=12,
)  # fmt: skip


def _back(value, path):
    save_plain(path, value)
    return load_plain(path, CLASSES)


@given(value=values)
def test_any_nesting_comes_back_with_its_types_and_bits(value, tmp_path_factory):
    found = _back(value, tmp_path_factory.mktemp("plain") / "a.npz")
    assert type(found) is type(value)
    assert plain_text(found) == plain_text(value)


def test_the_same_value_gives_the_same_bytes(tmp_path):
    value = {"a": np.arange(3.0), "b": [1, "x", (2.5, None)]}
    for name in "ab":
        save_plain(tmp_path / name, value)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tables_keep_columns_types_missing_values_and_index(tmp_path):
    table = pd.DataFrame(
        {"site": ["a", "b"], "year": [1980, 2000], "stock": [1.5, np.nan], "used": [True, False], "note": [None, "x"]},
        index=pd.Index([3, 7], name="line"),
    )  # fmt: skip
    mixed = table.assign(mixed=pd.Series(["a", 3], index=table.index, dtype=object))
    wide = pd.DataFrame(
        [[1.0, 2.0]], index=pd.Index([1980], name="year"), columns=pd.Index(["s1", "s2"], name="site")
    )
    for each in (table, mixed, wide, table.iloc[:0], pd.DataFrame({"line": [], "site": []})):
        pd.testing.assert_frame_equal(_back(each, tmp_path / "t.npz"), each, check_exact=True)


def test_what_is_no_data_is_not_stored(tmp_path):
    for value in (print, {"a": object()}, {1, 2}, np.array([object()])):
        with pytest.raises(TypeError, match="none of the kinds"):
            save_plain(tmp_path / "a.npz", value)


class Payload:
    """What a pickle would run."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize(
    "form", ["pickle", "object array", "class", "kind", "missing array", "half", "no header"]
)
def test_what_poml_map_did_not_write_is_refused_and_runs_nothing(tmp_path, form):
    path, marker = tmp_path / "a.npz", tmp_path / "marker"
    whole = {"header": np.frombuffer(json.dumps({"array": "a0"}).encode(), np.uint8), "a0": np.arange(3)}
    match form:
        case "pickle":
            path.write_bytes(pickle.dumps(Payload(marker)))
        case "object array":
            np.savez(path, **whole | {"a0": np.array([Payload(marker)], dtype=object)})
        case "half":
            save_plain(path, np.arange(1000))
            path.write_bytes(path.read_bytes()[:200])
        case "no header":
            np.savez(path, a0=np.arange(3))
        case _:
            node = {
                "class": {"object": ["Popen", {"dict": []}]},
                "kind": {"call": "x"},
                "missing array": {"array": "a9"},
            }
            header = np.frombuffer(json.dumps(node[form]).encode(), np.uint8)
            np.savez(path, **whole | {"header": header})
    with pytest.raises(ValueError, match="no file that poml_map wrote"):
        load_plain(path, CLASSES)
    assert not marker.exists()
