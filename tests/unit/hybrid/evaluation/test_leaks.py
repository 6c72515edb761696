"""Each known leak, planted, is refused or found."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from poml_map.hybrid import PomlForest, assert_no_leak, site_panel
from poml_map.hybrid.evaluation.leaks import place_groups, refuse_leaky_process

YEARS = np.arange(1980, 1984)


@dataclass
class Drawn:
    stocks: np.ndarray
    draws: np.ndarray | None = None


@pytest.fixture
def three():
    """Sites a and b seen twice, c once."""
    seen = [("a", 1980, 2.0), ("a", 1983, 2.6), ("b", 1980, 3.0), ("b", 1983, 3.9), ("c", 1981, 4.0)]
    return site_panel(["a", "b", "c"], YEARS, np.zeros((4, 3, 1)), *zip(*seen, strict=True))


def growing(observed, use):
    """A process model in two lines: first stock, growing by the mean later stock of some sites."""
    first = np.nanmax(np.where(np.cumsum(~np.isnan(observed), axis=0) == 1, observed, np.nan), axis=0)
    return first + 0.01 * np.nanmean(observed[-1, use]) * np.arange(4)[:, None]


def honest(observed):
    return lambda is_training: growing(observed, is_training)


def of_all_sites(observed):
    return lambda is_training: growing(observed, slice(None))


TRAINING = np.array([True, False, True])


@pytest.fixture(autouse=True)
def _known(three):
    three.observed[-1, 2] = 4.1  # every process model above finds a later stock


def test_a_process_model_of_training_sites_only_passes(three):
    assert refuse_leaky_process(honest(three.observed), honest, three, TRAINING)


@pytest.mark.parametrize("process_with", [honest, of_all_sites])
def test_a_process_model_of_all_sites_is_refused_however_the_probe_is_made(three, process_with):
    leaky = of_all_sites(three.observed)
    with pytest.raises(
        ValueError, match="knows later observations of held-out sites: stocks change by up to"
    ):
        refuse_leaky_process(leaky, process_with, three, TRAINING)


def test_a_process_model_that_leaks_only_into_its_draws_is_refused(three):
    def process_with(observed):
        return lambda use: Drawn(
            growing(observed, use), growing(observed, slice(None))[None].astype("float32")
        )

    with pytest.raises(ValueError, match="draws change"):
        refuse_leaky_process(process_with(three.observed), process_with, three, TRAINING)


def test_draws_of_training_sites_pass(three):
    def process_with(observed):
        return lambda use: Drawn(growing(observed, use), growing(observed, use)[None])

    assert refuse_leaky_process(process_with(three.observed), process_with, three, TRAINING)


def test_first_observations_may_be_known(three):
    """Every process model starts from them; only what it should predict is changed."""
    changed = []

    def process_with(observed):
        changed.append(observed != three.observed)
        return honest(observed)

    refuse_leaky_process(honest(three.observed), process_with, three, ~TRAINING)
    expected = three.later_campaign & TRAINING
    assert_array_equal(changed[0] & three.has_observation, expected)


def test_without_a_later_observation_there_is_nothing_to_probe(three):
    three.observed[-1] = np.nan
    assert not refuse_leaky_process(None, None, three, TRAINING)


@pytest.mark.parametrize("w_p", [0.3, 1.0])
def test_simulated_rows_of_a_held_out_site_are_refused_before_a_forest_sees_them(panel, simulate, w_p):
    """`training_rows` without `use_sites` is the mistake that makes unseen sites look a third better."""
    held_out = np.arange(40) % 5 == 0
    leaky = panel.training_rows(simulate(panel), w_p)
    with pytest.raises(ValueError, match=r"held-out sites have .* rows in training: s000"):
        assert_no_leak(leaky, panel.sites[held_out])


def test_the_leak_of_simulated_rows_is_worth_refusing(panel, simulate):
    """Sites that differ by themselves: with its own simulation in training, a held-out one is known after all."""
    held_out = np.arange(40) % 5 == 0
    error = {}
    for name, use in (("leaky", np.ones(40, bool)), ("honest", ~held_out)):
        rows = panel.training_rows(simulate(panel), 1.0, use)
        forest = PomlForest(n_trees=20).fit(rows.X, rows.y, rows.weight)
        wanted = panel.has_observation & held_out
        error[name] = np.sqrt(np.mean((forest.predict(panel.X[wanted]) - panel.observed[wanted]) ** 2))
    assert error["leaky"] < 0.8 * error["honest"]


def test_sites_at_one_place_get_one_group_and_chains_hold_together():
    x = [0.0, 1000.0, 40.0, 80.0, 5000.0, 1000.0]
    assert place_groups(x, np.zeros(6), 50.0).tolist() == [0, 1, 0, 0, 2, 1]
    assert place_groups(x, np.zeros(6), 0.0).tolist() == [0, 1, 2, 3, 4, 1]


def test_the_limit_itself_is_within():
    assert place_groups([0.0, 3.0], [0.0, 4.0], 5.0).tolist() == [0, 0]
    assert place_groups([0.0, 3.0], [0.0, 4.0], 4.999).tolist() == [0, 1]


def test_groups_are_the_same_sets_for_every_order_of_sites():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 3000, (2, 200))
    order = rng.permutation(200)
    group, moved = place_groups(x, y, 100.0), place_groups(x[order], y[order], 100.0)
    assert 20 < len(np.unique(group)) < 190
    assert_array_equal(
        group[:, None] == group, (moved[:, None] == moved)[np.argsort(order)][:, np.argsort(order)]
    )
    assert (np.diff(np.unique(moved, return_index=True)[1]) > 0).all(), "counted as they appear"


@pytest.mark.parametrize(
    ("x", "y", "within", "message"),
    [
        ([0.0, np.nan], [0.0, 0.0], 1.0, r"x\[1\] is nan, expected a finite coordinate"),
        ([0.0], [0.0, 0.0], 1.0, r"x has shape \(1,\), y \(2,\)"),
        ([0.0], [0.0], -1.0, "within is -1.0, expected 0 or more"),
        ([0.0], [0.0], np.inf, "within is inf"),
    ],
)
def test_places_that_make_no_sense_are_refused(x, y, within, message):
    with pytest.raises(ValueError, match=message):
        place_groups(x, y, within)


def test_no_site_is_no_place():
    assert place_groups([], [], 1.0).tolist() == []
