"""Samples and the cube at their sites, in one order, less those without data."""

from types import SimpleNamespace

import numpy as np

from poml_map.pipeline.checks import read_sites


def test_bulk_density_is_needed_at_a_site_when_it_is_a_covariate_and_only_then(region, points, samples_of):
    """As a covariate a gap of it must drop the site with a reason; the forest would refuse the gap later."""
    stocks = [
        ("{site: site, x: lon, y: lat, year: year, soc: soc}", "{site: site, x: lon, y: lat, year: year, stock: s}"),
        ("{soc: g/kg}", "{stock: kg/m2}"),
        ("  bulk_density: BD\n", ""),
        ("  coarse_fragments: CF\n", "  max_dropped: 1.0\n"),
    ]  # fmt: skip
    known = points(4)
    known["BD"] = "site", np.array([1.3, np.nan, 1.2, 1.4], "float32")
    cube = SimpleNamespace(at_points=lambda x, y: known)
    samples = samples_of([(site, year, 4.0 + year % 7) for site in "dbca" for year in (1980, 1986)])
    for covariates, sites in (("[CLAY, FER]", ["d", "b", "c", "a"]), ("[CLAY, BD]", ["d", "c", "a"])):
        kept, at = read_sites(region(*stocks, top=f"covariates: {covariates}\n"), cube, samples)
        assert kept.sites["site"].tolist() == sites
        rows = [i for i, site in enumerate("dbca") if site in sites]
        np.testing.assert_array_equal(at["CLAY"], known["CLAY"][rows])
    assert set(kept.dropped["reason"]) == {"no data at its pixel for BD"}
