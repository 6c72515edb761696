"""What `check` says before a run: what was found, what is lacking, what it would take."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from poml_map.errors import InputError, Problem, Problems
from poml_map.grid import Grid
from poml_map.pipeline import checks, estimate
from poml_map.pipeline.checks import check_campaigns, check_region
from poml_map.pipeline.speed import REFERENCE

GIVEN = "  mu_max: 1.4\n  k_m: 0.06\n"
FILLS = [{"source": "ndvi", "column": "ndvi", "years": [1980, 1981], "rule": "mean of 1982-1986"}]


@pytest.fixture
def opened(monkeypatch):
    """What the sources and the sample file would give; an InputError is raised instead."""

    def give(samples, cube=None):
        grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 300, 200)
        cube = cube or SimpleNamespace(grid=grid, pixels_in_area=45000, fills=FILLS)

        def answer(value):
            def call(*_):
                if isinstance(value, Exception):
                    raise value
                return value

            return call

        monkeypatch.setattr(estimate, "measure_speed", lambda: REFERENCE)
        monkeypatch.setattr(checks, "open_layers", answer(cube))
        monkeypatch.setattr(checks, "read_samples", answer(samples))
        monkeypatch.setattr(checks, "region_grid", answer(grid))

    return give


@pytest.fixture
def repeated(samples_of):
    rows = [(site, year, 4.0) for site in "abc" for year in (1980, 1986)]
    dropped = pd.DataFrame({"line": [9], "site": ["d"], "year": [1980], "reason": ["outside the grid"]})
    return dataclasses.replace(samples_of(rows), dropped=dropped, n_in=7)


def test_a_rate_factor_that_is_no_preset_is_refused_before_the_run(region, opened, repeated, problems_of):
    region(rothc="  rate_factor: paddy\n")
    opened(repeated)
    (line,) = problems_of(check_region, "region.yaml")
    assert "rothc.rate_factor: found 'paddy'" in line
    assert "paddy_all_year" in line


def test_maps_of_fao_across_the_180th_meridian_are_refused_before_the_run(
    region, opened, repeated, problems_of
):
    grid = Grid("EPSG:32760", (500.0, 0.0, 7.9e5, 0.0, -500.0, 8.1e6), 200, 100)
    cube = SimpleNamespace(grid=grid, pixels_in_area=20000, fills=[])
    opened(repeated, cube)
    region()
    check_region("region.yaml")
    region(top="profile: fao\n")
    (line,) = problems_of(check_region, "region.yaml")
    assert "profile: found the map lies across the 180th meridian" in line
    assert "Write `profile: own`." in line


def test_all_that_was_found_is_listed(region, opened, repeated):
    region()
    opened(repeated)
    text = "\n".join(check_region("region.yaml").lines)
    assert "300 x 200 pixels of 500 x 500 m, about" in text
    assert "about 45,000 in the area" in text
    assert "1980-1986, spin-up 1960-1979" in text
    assert "NDVI_SON, CLAY, FER" in text
    assert "6 of 7 rows, 3 sites, campaigns 1980, 1986" in text
    assert "of the others 1 rows: outside the grid" in text
    assert "filled    ndvi of 1980, 1981: mean of 1982-1986" in text
    assert "stand-in  bulk density" in text
    assert "            stock 4 to 4 kg/m2, median 4" in text, "a wrong unit shows"
    assert "assumed " not in text
    assert "estimate  about" in text
    assert text.endswith("No problem found.")


def test_no_line_for_fills_and_stand_ins_that_are_none(region, opened, repeated):
    region(catalog=[(", stand_in: true", "")])
    grid = Grid("EPSG:32651", (500.0, 0.0, 2e5, 0.0, -500.0, 3.4e6), 3, 2)
    opened(
        dataclasses.replace(repeated, dropped=repeated.dropped[:0]),
        SimpleNamespace(grid=grid, pixels_in_area=6, fills=[]),
    )
    text = "\n".join(check_region("region.yaml").lines)
    for word in ("filled", "stand-in", "of the others"):
        assert word not in text


def test_problems_of_sources_and_samples_come_together(region, opened, samples_of):
    region(folds=4)
    one = samples_of([(site, 1980, 4.0) for site in "abc"])
    opened(one, InputError(Problem("dem.tif", "", "no CRS")))
    with pytest.raises(InputError) as refusal:
        check_region("region.yaml")
    assert refusal.value.exit_code == 2
    found = [str(problem) for problem in refusal.value.problems]
    assert len(found) == 3
    assert found[0].startswith("dem.tif")
    assert "4 folds for 3 sites" in found[1]
    assert "expected 2 to 3" in found[1]
    assert "expected_change: 0.10" in found[2]


def _problems(region, samples):
    problems = Problems()
    check_campaigns(region, samples, problems)
    return [str(problem) for problem in problems]


def test_as_many_folds_as_sites_are_enough(region, repeated):
    assert _problems(region(), repeated) == []


def test_one_site_is_too_few_for_any_folds(region, samples_of):
    (found,) = _problems(region(rothc=GIVEN), samples_of([("a", 1980, 4.0)]))
    assert "two sites at least" in found


@pytest.mark.parametrize("rothc", [GIVEN, "  expected_change: 0.1\n"])
def test_one_campaign_is_enough_with_an_assumption(region, samples_of, rothc):
    one = samples_of([(site, 1980, 4.0) for site in "abc"])
    (found,) = _problems(region(), one)
    assert found.startswith("region.yaml:")
    for words in ("one campaign only", "expected_change", "`mu_max` and `k_m`"):
        assert words in found
    assert _problems(region(rothc=rothc), one) == []


def test_an_assumed_change_is_counted_from_the_first_year_so_a_later_campaign_is_found_by_check(
    region, samples_of
):
    assumed = region(rothc="  expected_change: 0.1\n")
    (found,) = _problems(assumed, samples_of([(site, 1983, 4.0) for site in "abc"]))
    for words in ("rothc.expected_change", "sampled first in 1983", "all in 1980", "`years` begin with 1983"):
        assert words in found
    (found,) = _problems(assumed, samples_of([("a", 1980, 4.0), ("b", 1983, 4.0), ("c", 1983, 4.0)]))
    assert "Leave out the sites that were sampled later" in found
    assert _problems(region(rothc=GIVEN), samples_of([(site, 1983, 4.0) for site in "abc"])) == []


def test_sites_that_were_sampled_in_different_years_once_each_are_one_campaign_too(region, samples_of):
    rows = [(site, 1980 + index, 4.0) for index, site in enumerate("abc")]
    (found,) = _problems(region(), samples_of(rows))
    assert "one campaign only" in found
