"""Whatever a server does, in whatever order: the right bytes or an error, and a cache that holds nothing else."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poml_map.fetch.failures import FetchError

from .conftest import HOST, LAYOUTS, assert_clean, assert_is_cut_of_truth

FAULTS = st.one_of(
    st.tuples(st.just("break"), st.fixed_dictionaries({"after": st.integers(0, 30_000)})),
    st.tuples(st.sampled_from(["longer", "shorter"]), st.fixed_dictionaries({"after": st.integers(1, 3000)})),
    st.tuples(st.just("truncated"), st.fixed_dictionaries({"after": st.integers(1, 26_000)})),
    st.tuples(st.just("status"), st.fixed_dictionaries({"status": st.sampled_from([404, 403, 416, 429, 500, 503])})),
    st.tuples(st.sampled_from(["html", "no_ranges", "changed", "wrong_range", "lying_range", "none"]), st.just({})),
    st.tuples(st.just("flip"), st.fixed_dictionaries({"after": st.integers(1, 26_000)})),
)  # fmt: skip


@pytest.mark.parametrize(
    ("layout", "path"), [("file", f"{HOST}/whole.tif"), ("archives", f"{HOST}/archives/dem_N30E118.tar.gz")]
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(faults=st.lists(FAULTS, min_size=1, max_size=6))
def test_any_sequence_of_faults_gives_the_right_bytes_or_an_error(world, layout, path, faults):
    for folder in ("objects", "index", "parts"):
        shutil.rmtree(world.cache.folder / folder)
        (world.cache.folder / folder).mkdir()
    world.server.mend()
    for kind, how in faults:
        world.server.fault(path, kind, **how)

    try:
        kept = world.bring(LAYOUTS[layout])
    except FetchError:
        assert_no_wrong_cut(world.cache)
    else:
        assert_is_cut_of_truth(kept.path)
    assert_clean(world.cache)

    world.server.mend()
    assert_is_cut_of_truth(world.bring(LAYOUTS[layout]).path)


def assert_no_wrong_cut(cache):
    """After an error the cache may hold whole archives that were checked, never a cut."""
    for path in (cache.folder / "objects").rglob("*"):
        assert not path.is_file() or path.read_bytes()[:2] == b"\x1f\x8b"
