"""The file of a forest: equal when read again, and refused when it is anything else."""

import io
import json
import pickle
import subprocess
import sys
import zipfile

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest, PomlRegressor, load_forest, model_file, save_forest

COLUMNS = ["ELEV", "SLP", "FER", "TMP"]
UNITS = {"ELEV": "m", "SLP": "degree", "FER": "kg/ha", "TMP": "degC"}


@pytest.fixture
def forest(rows):
    return PomlForest(n_trees=5, seed=3).fit(rows.X, rows.y, rows.weight)


@pytest.fixture
def saved(forest):
    """Bytes of a saved forest."""
    stream = io.BytesIO()
    save_forest(stream, forest, columns=COLUMNS, units=UNITS, notes={"run": "a"})
    return stream.getvalue()


def changed(saved, **members):
    """The file with some members replaced (None: left out)."""
    content = dict(np.load(io.BytesIO(saved))) | members
    stream = io.BytesIO()
    np.savez(stream, **{name: values for name, values in content.items() if values is not None})
    return stream.getvalue()


def changed_header(saved, **entries):
    header = json.loads(np.load(io.BytesIO(saved))["header"].tobytes()) | entries
    return changed(saved, header=np.frombuffer(json.dumps(header).encode(), np.uint8))


def test_a_forest_read_again_predicts_bit_for_bit_the_same(forest, rows, tmp_path):
    path = str(tmp_path / "forest.npz")
    save_forest(path, forest, columns=COLUMNS, units=UNITS, notes={"digest": "abc"})
    again = load_forest(path, columns=COLUMNS, units=UNITS, target_unit="kg/m2")
    assert_array_equal(again.forest.predict(rows.X), forest.predict(rows.X))
    assert_array_equal(again.forest.feature_importances_, forest.feature_importances_)
    assert again.forest.get_params() == forest.get_params()
    assert [tree.max_depth for tree in again.forest.trees_] == [tree.max_depth for tree in forest.trees_]
    assert (again.columns, again.units, again.notes) == (COLUMNS, UNITS, {"digest": "abc"})
    assert set(again.library) == {"scikit-learn", "numpy"}


def test_every_node_of_every_tree_comes_back(forest, saved):
    for a, b in zip(forest.trees_, load_forest(io.BytesIO(saved)).forest.trees_, strict=True):
        one, other = a.__getstate__(), b.__getstate__()
        for name in one["nodes"].dtype.names:
            assert_array_equal(one["nodes"][name], other["nodes"][name])
        assert_array_equal(one["values"], other["values"])


def test_a_regressor_comes_back_as_a_regressor(rows):
    model = PomlRegressor(w_p=0.25, n_trees=3).fit(rows.X, rows.y, rows.is_simulated)
    stream = io.BytesIO()
    save_forest(stream, model, columns=COLUMNS, units=UNITS)
    again = load_forest(stream).forest
    assert isinstance(again, PomlRegressor)
    assert (again.w_p, again.n_simulated_, again.simulated_share_) == (0.25, 360, 0.25)


def test_trees_of_a_single_leaf_come_back():
    forest = PomlForest(n_trees=2).fit([[0.0], [1.0]], [4.0, 4.0])
    stream = io.BytesIO()
    save_forest(stream, forest, columns=["ELEV"], units={"ELEV": "m"})
    assert_array_equal(load_forest(stream).forest.predict([[5.0]]), forest.predict([[5.0]]))


def test_the_same_forest_gives_the_same_bytes(forest, saved):
    stream = io.BytesIO()
    save_forest(stream, forest, columns=COLUMNS, units=UNITS, notes={"run": "a"})
    assert stream.getvalue() == saved


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def hostile_files(path):
    stream = io.BytesIO()
    joblib.dump(Payload(path), stream)
    yield "joblib", stream.getvalue()
    yield "pickle", pickle.dumps(Payload(path))
    stream = io.BytesIO()
    np.save(stream, np.array([Payload(path)], dtype=object), allow_pickle=True)
    yield "npy of objects", stream.getvalue()
    stream = io.BytesIO()
    np.savez(stream, header=np.array([Payload(path)], dtype=object))
    yield "npz of objects", stream.getvalue()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("header", pickle.dumps(Payload(path)))
    yield "zip with a pickle", stream.getvalue()


def test_files_that_would_run_code_are_refused_and_run_nothing(tmp_path):
    trace = tmp_path / "was_here"
    for kind, content in hostile_files(str(trace)):
        with pytest.raises(ValueError, match="forest file: not one that poml_map wrote"):
            load_forest(io.BytesIO(content))
        assert not trace.exists(), kind


def test_the_payload_of_these_tests_would_run_if_it_were_unpickled(tmp_path):
    trace = tmp_path / "was_here"
    (tmp_path / "payload").write_bytes(pickle.dumps(Payload(str(trace))))
    code = f"import pickle; pickle.load(open({str(tmp_path / 'payload')!r}, 'rb'))"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert trace.exists()


def test_a_damaged_file_is_refused(saved):
    broken = bytearray(saved)
    broken[len(saved) // 2] ^= 255
    for content in (b"", b"PK\x03\x04", saved[: len(saved) // 2], bytes(broken)):
        with pytest.raises(ValueError, match="forest file: not one that poml_map wrote"):
            load_forest(io.BytesIO(content))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": ["ELEV", "SLP", "FER", "PRE"]}, "missing column PRE; unknown column TMP"),
        ({"columns": COLUMNS[::-1]}, "same columns in another order: 1 is ELEV, expected TMP"),
        ({"units": UNITS | {"TMP": "K"}}, "column TMP was in degC, expected K"),
        ({"target_unit": "t/ha"}, "predictions are in kg/m2, expected t/ha"),
        ({"columns": COLUMNS[:3], "units": {"FER": "t/ha"}}, "unknown column TMP; column FER was in kg/ha"),
    ],
)
def test_other_columns_order_or_units_are_refused_by_name(saved, asked, message):
    with pytest.raises(ValueError, match=message):
        load_forest(io.BytesIO(saved), **asked)


def test_a_scikit_learn_with_other_nodes_is_refused_by_field(saved, monkeypatch):
    other = np.dtype([("left_child", "<i8"), ("categories", "<i8")])
    monkeypatch.setattr(model_file, "NODE_DTYPE", other)
    with pytest.raises(ValueError, match="unknown node field categories"):
        load_forest(io.BytesIO(saved))


def with_value(saved, name, place, value):
    values = np.load(io.BytesIO(saved))[name].copy()
    values[place] = value
    return changed(saved, **{name: values})


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        ("left_child", 0, 10**6, "outside its tree"),
        ("left_child", 0, 0, "outside its tree"),
        ("right_child", 0, -5, "outside its tree"),
        ("right_child", 0, 1, "outside its tree"),
        ("feature", 0, 4, "unknown column"),
        ("feature", 0, -1, "unknown column"),
        ("node_count", 0, 1, "lengths"),
        ("node_count", 0, -1, "lengths"),
    ],
)
def test_nodes_that_point_astray_are_refused_before_any_tree_follows_them(saved, name, place, value, message):
    with pytest.raises(ValueError, match=message):
        load_forest(io.BytesIO(with_value(saved, name, place, value)))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"value": None}, "missing array value"),
        ({"extra": np.zeros(1)}, "unknown array extra"),
        ({"value": np.zeros(3, "f4")}, "array value is not a list of float64"),
        ({"value": np.zeros(3)}, "lengths"),
        ({"header": np.frombuffer(b"{", np.uint8)}, "header is not JSON"),
        ({"header": np.frombuffer(b"[]", np.uint8)}, "header names another format"),
        ({"header": np.frombuffer(b"[" * 100_000, np.uint8)}, "header is not JSON"),
    ],
)
def test_a_file_with_other_arrays_is_refused(saved, members, message):
    with pytest.raises(ValueError, match=message):
        load_forest(io.BytesIO(changed(saved, **members)))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"version": 2}, "version 2 of the format, expected 1"),
        ({"class": "os.system"}, "unknown class"),
        ({"parameters": {"n_trees": 3}}, "missing parameter max_features"),
        ({"columns": None}, "its header has no columns"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(saved, entries, message):
    with pytest.raises(ValueError, match=message):
        load_forest(io.BytesIO(changed_header(saved, **entries)))


def test_saving_needs_a_fitted_forest_and_a_unit_for_each_column(forest):
    with pytest.raises(ValueError, match="expected a fitted PomlForest"):
        save_forest(io.BytesIO(), PomlForest(), columns=COLUMNS, units=UNITS)
    with pytest.raises(ValueError, match="columns has 3 names, expected 4"):
        save_forest(io.BytesIO(), forest, columns=COLUMNS[:3], units=UNITS)
    with pytest.raises(ValueError, match="missing unit of column TMP"):
        save_forest(io.BytesIO(), forest, columns=COLUMNS, units={n: UNITS[n] for n in COLUMNS[:3]})
