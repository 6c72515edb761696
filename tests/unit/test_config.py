import re
from pathlib import Path

import pytest

from poml_map import schema
from poml_map.config import load_region

POLYGONS = ("  bounds: [119.2, 29.9, 121.2, 31.2]", "  polygons: counties\n  where: {code: [%s]}")


def test_a_good_region_is_read_with_its_defaults(region_file):
    region = load_region(region_file())

    assert list(region.years) == list(range(1980, 2001))
    assert list(region.spinup_years) == list(range(1960, 1980))
    assert region.settings.covariates == schema.PAPER_COVARIATES
    assert (region.settings.hybrid.w_p, region.settings.hybrid.n_trees) == (0.5, 200)
    assert region.column_source("SPI").name == "dem"
    assert region.column_source("NDVI_JJA").name == "ndvi"
    assert region.stand_ins == ["BD"]
    assert [source.name for source in region.with_role("mask", "zones")] == ["counties", "crop"]


def test_the_profile_is_our_own_unless_fao_is_asked_for(region_file, problems_of):
    assert load_region(region_file()).settings.profile == "own"
    asked = ("years: 1980-2000", "years: 1980-2000\nprofile: {}")
    assert load_region(region_file((asked[0], asked[1].format("fao")))).settings.profile == "fao"
    (line,) = problems_of(load_region, region_file((asked[0], asked[1].format("gsocseq"))))
    assert "profile: found the text 'gsocseq', expected one of own, fao" in line


def test_a_region_is_found_from_any_folder(region_file, tmp_path, monkeypatch):
    region_file()
    monkeypatch.chdir("/")

    region = load_region(tmp_path / "region.yaml")

    assert region.samples_path == tmp_path / "samples.csv"
    assert region.catalog_files == (tmp_path / "data_catalog.yaml",)


@pytest.mark.parametrize("value", ["0", "1", "0.0", "1.0", "1.0e-3"])
def test_the_ends_of_the_range_of_w_p_are_accepted(region_file, value):
    assert load_region(region_file(("w_p: 0.5", f"w_p: {value}"))).settings.hybrid.w_p == float(value)


@pytest.mark.parametrize(
    ("value", "found", "mend"),
    [
        ("-0.1", "-0.1", "For example `w_p: 0.5`."),
        ("1.1", "1.1", "For example `w_p: 0.5`."),
        (".nan", ".nan", "For example `w_p: 0.5`."),
        (".inf", ".inf", "For example `w_p: 0.5`."),
        ('"0.5"', "the text '0.5'", "Write 0.5 without quotes."),
        ("1e-3", "the text '1e-3'", "Write 1.0e-3: YAML takes 1e-3 for a text."),
        ("1E3", "the text '1E3'", "Write 1.0e+3: YAML takes 1E3 for a text."),
        ("0,5", "the text '0,5'", "Write 0.5, with a point."),
        ("half", "the text 'half'", "For example `w_p: 0.5`."),
        ("true", "true", "For example `w_p: 0.5`."),
        ("null", "nothing", "For example `w_p: 0.5`."),
        ("", "nothing", "For example `w_p: 0.5`."),
        ("[0.5]", "[0.5]", "For example `w_p: 0.5`."),
    ],
)
def test_a_weight_outside_its_range_or_of_another_type_is_refused(
    region_file, problems_of, value, found, mend
):
    lines = problems_of(load_region, region_file(("w_p: 0.5", f"w_p: {value}")))

    assert lines == [f"region.yaml:17, hybrid.w_p: found {found}, expected a number from 0 to 1. {mend}"]


@pytest.mark.parametrize(
    "value", ["2000-1980", "1980", "[1980, 2000]", "1980 to 2000", "80-00", "1980-01-01", "", "19800-20000"]
)
def test_years_must_be_first_and_last(region_file, problems_of, value):
    (line,) = problems_of(load_region, region_file(("\nyears: 1980-2000", f"\nyears: {value}")))

    assert line.startswith("region.yaml:7, years: found ")
    assert "expected FIRST-LAST" in line
    assert line.endswith("For example `years: 1980-2000`.")


@pytest.mark.parametrize("value", ["1", "0", "-3", "5.0", '"5"', "true", "null"])
def test_fewer_than_two_folds_or_no_whole_number_is_refused(region_file, problems_of, value):
    (line,) = problems_of(load_region, region_file(("folds: 5", f"folds: {value}")))

    assert line.startswith("region.yaml:18, validation.folds: found ")
    assert "expected a whole number from 2 to the number of sites" in line


@pytest.mark.parametrize(
    ("old", "new", "place", "mend"),
    [
        ("  w_p: 0.5", "  max_feature: sqrt", "17, hybrid.max_feature", "Did you mean `max_features`?"),
        ("  w_p: 0.5", "  n_estimator: 9", "17, hybrid.n_estimator", "Did you mean `n_trees`?"),
        ("folds: 5", "n_folds: 5", "18, validation.n_folds", "Did you mean `folds`?"),
        (
            "name: small",
            "name: small\nsampling_mont: 3",
            "2, sampling_mont",
            "Did you mean `sampling_month`?",
        ),
        ("name: small", "name: small\nw_p: 0.3", "2, w_p", "`w_p` belongs below `hybrid:`."),
        (
            "name: small",
            "name: small\nduplicates: mean",
            "2, duplicates",
            "`duplicates` belongs below `samples:`.",
        ),
        ("  w_p: 0.5", "  years: 1980-2000", "17, hybrid.years", "`years` belongs at the left margin."),
        ("  w_p: 0.5", "  xyzzy: 9", "17, hybrid.xyzzy", "Remove it."),
        ("soc: soc}", "soc: soc, lattitude: y}", "12, samples.columns.lattitude", "Remove it."),
    ],
)
def test_an_unknown_key_names_line_key_and_the_nearest_valid_one(
    region_file, problems_of, old, new, place, mend
):
    (line,) = problems_of(load_region, region_file((old, new)))

    assert line.startswith(f"region.yaml:{place}: found an unknown key")
    assert line.endswith(mend)


def test_an_unknown_key_lists_the_keys_of_its_section(region_file, problems_of):
    (line,) = problems_of(load_region, region_file(("  w_p: 0.5", "  xyzzy: 9")))

    assert "expected one of w_p, time_weight, n_trees, max_features, min_samples_leaf, seed" in line


def test_missing_keys_are_named_with_an_example_and_no_line(region_file, problems_of, tmp_path):
    region_file()
    (tmp_path / "region.yaml").write_text("name: x\n")

    lines = problems_of(load_region, "region.yaml")

    assert [line.split(":")[0] for line in lines] == [
        f"region.yaml, {key}" for key in ("sources", "area", "grid", "years", "spinup_years", "samples")
    ]
    assert lines[3].endswith(
        "found nothing, expected FIRST-LAST, both included. For example `years: 1980-2000`."
    )


def test_several_problems_of_both_files_are_reported_at_once_by_line(region_file, problems_of):
    name = region_file(
        ("w_p: 0.5", "w_p: 3"),
        ("folds: 5", "folds: 1"),
        ("resolution: 500", "resolution: -5"),
        ("\nyears: 1980-2000", "\nyears: 2000-1980"),
        catalog=[("unit: g/kg", "unit: K"), ("classes: [1]", "classes: []")],
    )

    places = [line.split(":", 2)[:2] for line in problems_of(load_region, name)]

    assert places == [
        ["region.yaml", "6, grid.resolution"],
        ["region.yaml", "7, years"],
        ["region.yaml", "17, hybrid.w_p"],
        ["region.yaml", "18, validation.folds"],
        ["data_catalog.yaml", "8, sources.clay.unit"],
        ["data_catalog.yaml", "13, sources.crop.classes"],
    ]


@pytest.mark.parametrize(
    ("code", "mend"),
    [("0330100", 'put it in quotes: "0330100".'), ("330100", 'Put it in quotes: "330100".')],
)
def test_a_county_code_must_be_quoted(region_file, problems_of, code, mend):
    """0330100 is 110656 to YAML: the county would never be found."""
    (line,) = problems_of(load_region, region_file((POLYGONS[0], POLYGONS[1] % code)))

    assert line.startswith(f"region.yaml:5, area.where.code[0]: found {code}")
    assert line.endswith(mend)


def test_a_single_county_code_is_asked_for_as_a_list(region_file, problems_of):
    (line,) = problems_of(
        load_region, region_file((POLYGONS[0], "  polygons: counties\n  where: {code: 330100}"))
    )

    assert line.endswith('expected a list. Write a list: ["330100"].')


def test_a_quoted_county_code_is_kept_as_it_stands(region_file):
    region = load_region(region_file((POLYGONS[0], POLYGONS[1] % '"0330100"')))

    assert region.settings.area.where == {"code": ["0330100"]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "1980-01-01",
            "found 1980-01-01 (which YAML reads as a date), expected at most 60 letters, digits, - and _. Put it in",
        ),
        ("yes", "found yes (which YAML reads as True)"),
        ("12", "found 12, expected at most 60 letters"),
        ("../up", "found the text '../up', expected at most 60 letters"),
        ("a b", "found the text 'a b'"),
        ('""', "found the text ''"),
        ("a" * 61, "found the text 'aaa"),
    ],
)
def test_a_name_must_be_a_text_that_can_stand_in_file_names(region_file, problems_of, value, words):
    (line,) = problems_of(load_region, region_file(("name: small", f"name: {value}")))

    assert line.startswith(f"region.yaml:1, name: {words}")


CHECKS = [
    # area and grid
    ([("  bounds: [119.2, 29.9, 121.2, 31.2]\n", "")], "3, area", "neither bounds nor polygons"),
    ([("  mask: crop", "  polygons: counties")], "3, area", "both bounds and polygons"),
    ([("29.9, 121.2", "29.9, 19.2")], "4, area.bounds", "Order: [xmin, ymin, xmax, ymax]."),
    ([("119.2, 29.9, 121.2, 31.2", "29.9, 119.2, 31.2, 121.2")], "4, area.bounds", "are they swapped?"),
    ([("29.9, 121.2", ".nan, 121.2")], "4, area.bounds[1]", "expected a finite number"),
    ([("119.2, 29.9, 121.2, 31.2", "119.2, 29.9")], "4, area.bounds", "expected [xmin, ymin, xmax, ymax]"),
    ([("  mask: crop", "  crs: EPSG:9999999")], "5, area.crs", "expected a known CRS"),
    ([("  mask: crop", '  where: {code: ["1"]}')], "5, area.where", "without `polygons:`"),
    ([("  mask: crop", "  mask: crops")], "5, area.mask", "Did you mean `crop`?"),
    ([("  mask: crop", "  mask: dem")], "5, area.mask", "'dem', which has role elevation"),
    ([('crs: "EPSG:32651", ', "")], "6, grid", "found no crs"),
    ([(", resolution: 500", "")], "6, grid", "found no resolution"),
    ([("resolution: 500", "resolution: 500, like: dem")], "6, grid", "`like` together with"),
    ([('{crs: "EPSG:32651", resolution: 500}', "{like: tmp}")], "6, grid.like", "with driver raster"),
    ([('"EPSG:32651"', '"EPSG:999999"')], "6, grid.crs", "expected a known CRS"),
    ([('"EPSG:32651"', "32651")], "6, grid.crs", 'Put it in quotes: "32651". For example `crs: "EPSG:32651"`.'),
    ([('"EPSG:32651"', '"EPSG:4326"')], "6, grid.resolution", "500 degrees"),
    # sources and columns
    ([("[dem, ", "[dme, ")], "2, sources[0]", "Did you mean `dem`?"),
    ([("[dem, ", "[nothing, ")], "2, sources[0]", "The catalog has: dem, tmp,"),
    ([("[dem, ", "[dem, dem, ")], "2, sources[1]", "found 'dem' twice"),
    ([("counties, fert", "fert")], "2, sources[8]", "Add counties to `sources:`."),
    ([("clay, bd", "bd")], "2, sources", "no source for clay content (CLAY)"),
    ([("ppt, ", "")], "2, sources", "no source for precipitation of the month (precip)"),
    ([("name: small", "covariates: [ELEV, TWI]\nname: small")], "1, covariates[1]", "TWI, which no source makes"),
    ([("name: small", "covariates: [elev]\nname: small")], "1, covariates[0]", "Did you mean `ELEV`?"),
    ([("name: small", "covariates: [pet]\nname: small")], "1, covariates[0]", "Write PET."),
    ([("name: small", "covariates: [PET, PET]\nname: small")], "1, covariates[1]", "found 'PET' twice"),
    # years
    ([("1960-1979", "1975-1990")], "8, spinup_years", "an end in 1990"),
    ([("1960-1979", "1950-1979")], "8, spinup_years", "'tmp', which covers 1960-2000"),
    ([("fill: {ndvi: climatology}\n", "")], "2, sources[4]", "State `fill: {ndvi: climatology}`"),
    ([("\nyears: 1980-2000", "\nyears: 1980-2005")], "2, sources[1]", "'tmp', which covers 1960-2000"),
    ([("years: 1980-2000", "years: 1980-2003")], "2, sources[1]", "End `years:` in 2000 at the latest. (`fill:`"),
    ([("fill: {ndvi", "fill: {ndvii: climatology, ndvi")], "9, fill.ndvii", "Did you mean `ndvi`?"),
    ([("{ndvi: climatology}", "{ndvi: mean}")], "9, fill.ndvi", "expected climatology."),
    # RothC
    ([("cover_ndvi: 0.4", "mu_max: 1.2")], "20, rothc.mu_max", "mu_max without k_m"),
    ([("cover_ndvi: 0.4", "k_m: 0.2")], "20, rothc.k_m", "k_m without mu_max"),
    (
        [("cover_ndvi: 0.4", "mu_max: 1.2\n  k_m: 0.1\n  expected_change: 0.1")],
        "22, rothc.expected_change",
        "together with mu_max",
    ),
    ([("cover_ndvi: 0.4", "input_months: [1, 2]")], "20, rothc.input_months", "twelve weights"),
    ([("cover_ndvi: 0.4", "input_months: nvdi")], "20, rothc.input_months", "twelve weights"),
    ([("cover_ndvi: 0.4", "input_months: nvdi")], "20, rothc.input_months", "Did you mean `ndvi`?"),
    ([("cover_ndvi: 0.4", "input_months: 1")], "20, rothc.input_months", "or ndvi; or crop_calendar"),
    ([("cover_ndvi: 0.4", "input_months: crop_calendar")], "20, rothc.input_months", "without the crops"),
    ([("cover_ndvi: 0.4", "crop_calendar: []")], "20, rothc.crop_calendar", "a list of crops"),
    ([("cover_ndvi: 0.4", "crop_calendar: [{sow: 11, harvest: 5}]")], "20, rothc.crop_calendar", "no effect without"),
    ([("cover_ndvi: 0.4", "crop_calendar: [{sow: 13, harvest: 5}]")], "20, rothc.crop_calendar[0].sow", "1 to 12"),
    ([("cover_ndvi: 0.4", "crop_calendar: [{sow: 11}]")], "20, rothc.crop_calendar[0].harvest", "month of harvest"),
    ([("cover_ndvi: 0.4", "crop_calendar: [{sow: 11, harvest: 5, weigth: 1}]")], "20, rothc.crop_calendar[0].weigth",
     "Did you mean `weight`?"),
    ([("cover_ndvi: 0.4", "crop_calendar: [{sow: 11, harvest: 5, at_harvest: 50}]")],
     "20, rothc.crop_calendar[0].at_harvest", "0 to 1"),
    ([("cover_ndvi: 0.4", "spinup: real_year")], "20, rothc.spinup", "Did you mean `real_years`?"),
    ([("cover_ndvi: 0.4", "cover: half")], "20, rothc.cover", "one of threshold, fraction"),
    ([("cover_ndvi: 0.4", "cover: fraction\n  cover_ndvi: 0.4")], "21, rothc.cover_ndvi", "with `cover: fraction`"),
    ([("cover_ndvi: 0.4", "cover_ndvi_range: [0.1, 0.7]")], "20, rothc.cover_ndvi_range", "or write `cover: fraction`"),
    ([("cover_ndvi: 0.4", "cover: fraction\n  cover_ndvi_range: [0.7, 0.7]")], "21, rothc.cover_ndvi_range", "smaller"),
    ([("cover_ndvi: 0.4", "cover: fraction\n  cover_ndvi_range: [0.1, 70]")], "21, rothc.cover_ndvi_range[1]", "to 1"),
    ([("cover_ndvi: 0.4", "dpm_rpm: 0")], "20, rothc.dpm_rpm", "above 0"),
    ([("cover_ndvi: 0.4", "dpm_rpm: [1]")], "20, rothc.dpm_rpm", "or a column of ratios; or `column:` and `values:`"),
    ([("cover_ndvi: 0.4", "dpm_rpm: RATIO")], "20, rothc.dpm_rpm", "RATIO, which no source makes"),
    ([("cover_ndvi: 0.4", "dpm_rpm: FER")], "20, rothc.dpm_rpm", "FER, which has years, expected a static column"),
    ([("cover_ndvi: 0.4", "dpm_rpm: CLAY")], "20, rothc.dpm_rpm", "CLAY, in %, expected a column of ratios"),
    ([("cover_ndvi: 0.4", "dpm_rpm: ndvi")], "20, rothc.dpm_rpm", "ndvi, which has months"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "dpm_rpm: LAND_USE")], "20, rothc.dpm_rpm", "which holds classes"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {values: {1: 2}}")], "20, rothc.dpm_rpm.column", "a static column of classes"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: CLAY}")], "20, rothc.dpm_rpm.values", "For example `values: {1: 1.44,"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: CLAY, values: {1: 2}, value: 3}")], "20, rothc.dpm_rpm.value", "`values`"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: CLAY, values: {1: 2}}")], "20, rothc.dpm_rpm.column", "role: land_use"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {1: 2}}")], "20, rothc.dpm_rpm.column", "no source"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {rice: 2}}")],
     "20, rothc.dpm_rpm.values.rice", "the class 'rice', expected a whole number"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {1.5: 2}}")],
     "20, rothc.dpm_rpm.values", "the key 1.5"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {1: 2, +1: 3}}")],
     "20, rothc.dpm_rpm.values", "class 1 twice"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {1: -2}}")], "20, rothc.dpm_rpm.values.1", "than 0"),
    ([("cover_ndvi: 0.4", "dpm_rpm: {column: LAND_USE, values: {1: 1e0}}")], "20, rothc.dpm_rpm.values.1", "1.0e+0"),
    ([("cover_ndvi: 0.4", "rate_factor: 0.4")], "20, rothc.rate_factor", "or the name of a preset"),
    ([("cover_ndvi: 0.4", "rate_factor: [0.4]")], "20, rothc.rate_factor", "twelve factors"),
    ([("cover_ndvi: 0.4", f"rate_factor: [{', '.join(['40'] * 12)}]")], "20, rothc.rate_factor[0]", "equal to 10"),
    ([("cover_ndvi: 0.4", "rate_factor: {column: LAND_USE, values: {1: none}}")], "20, rothc.rate_factor.column",
     "LAND_USE, which no source makes"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "rate_factor: {column: LAND_USE, values: {a: paddy_all_year}}")],
     "20, rothc.rate_factor.values.a", "a whole number"),
    ([("cover_ndvi: 0.4", "rate_factor: {column: LAND_USE, values: {1: [0.4]}}")], "20, rothc.rate_factor.values.1",
     "12 items"),
    ([("cover_ndvi: 0.4", "manure: DUNG")], "20, rothc.manure", "DUNG, which no source makes, expected an annual or"),
    ([("cover_ndvi: 0.4", "manure: FER")], "20, rothc.manure", "FER, in kg/ha, expected a column in kg/m2/year"),
    ([("[dem,", "[straw, dem,"), ("cover_ndvi: 0.4", "manure: STRAW")], "20, rothc.manure", "`role: manure`"),
    ([("cover_ndvi: 0.4", f"manure_months: {[1] * 12}")], "20, rothc.manure_months", "no effect without `manure:`"),
    ([("[dem,", "[dung, dem,"), ("cover_ndvi: 0.4", f"manure: MANURE\n  manure_months: {[0] * 12}")],
     "21, rothc.manure_months", "not all 0"),
    ([("cover_ndvi: 0.4", "groups: LAND_USE")], "20, rothc.groups", "LAND_USE, which no source makes"),
    ([("cover_ndvi: 0.4", "groups: FER")], "20, rothc.groups", "FER, which has years"),
    ([("cover_ndvi: 0.4", "groups: CLAY")], "20, rothc.groups", "resampled by bilinear, expected a column of classes"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "groups: LAND_USE\n  mu_max: 2\n  k_m: 0.1")], "20, rothc.groups",
     "no effect with `mu_max:`"),
    ([("[dem,", "[land, dem,"), ("cover_ndvi: 0.4", "groups: LAND_USE\n  expected_change: 0.1")], "20, rothc.groups",
     "no effect with `expected_change:`"),
    ([("cover_ndvi: 0.4", "map_outputs: [pool]")], "20, rothc.map_outputs[0]", "Did you mean `pools`?"),
    ([("cover_ndvi: 0.4", "map_outputs: pools")], "20, rothc.map_outputs", "For example `map_outputs: [pools, co2]`"),
    ([("cover_ndvi: 0.4", "map_outputs: [co2, co2]")], "20, rothc.map_outputs[1]", "'co2' twice"),
    ([("cover_ndvi: 0.4", "input_driver: crop")], "20, rothc.input_driver", "crop, which no source makes"),
    (
        [("cover_ndvi: 0.4", "input_months: [-1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]")],
        "20, rothc.input_months",
        "weights from 0",
    ),
    (
        [("cover_ndvi: 0.4", "input_months: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]")],
        "20, rothc.input_months",
        "not all 0",
    ),
    ([("cover_ndvi: 0.4", "input_driver: NPP")], "20, rothc.input_driver", "NPP, which no source makes"),
    ([("cover_ndvi: 0.4", "input_driver: ndvi")], "20, rothc.input_driver", "Write NDVI_DJF or NDVI_MAM or"),
    ([("cover_ndvi: 0.4", "first_map: stocks")], "20, rothc.first_map", "with role stock"),
    ([("cover_ndvi: 0.4", "first_map: dem")], "20, rothc.first_map", "which has role elevation"),
    ([("cover_ndvi: 0.4", "k_m: 0.2\n  mu_max: 0")], "21, rothc.mu_max", "a number above 0"),
    # samples
    ([("soc: soc}", "soc: soc, stock: s}"), ("soc: g/kg", "soc: g/kg, stock: kg/m2")], "12, samples.columns", "both"),
    ([(", soc: soc}", "}")], "12, samples.columns", "neither soc nor stock"),
    ([("  units: {soc: g/kg}\n", "")], "10, samples.units.soc", "For example `units: {soc: g/kg}`."),
    ([("{soc: g/kg}", "{soc: parsec}")], "13, samples.units.soc", "'parsec' cannot be converted to 'g/kg'"),
    ([("  bulk_density: BD\n", "")], "10, samples.bulk_density", "For example `bulk_density: BD`"),
    ([("soc: soc}", "soc: soc, bulk_density: b}"), ("soc: g/kg", "soc: g/kg, bulk_density: g/cm3")], "14, samples.b",
     "Remove one."),
    ([("bulk_density: BD", "bulk_density: BDD")], "14, samples.bulk_density", "Add a source that makes BDD"),
    ([("bulk_density: BD", 'bulk_density: "1.3"')], "14, samples.bulk_density", "Write 1.3 without quotes."),
    ([("bulk_density: BD", "bulk_density: 1300")], "14, samples.bulk_density", "expected 0.1 to 2.65 g/cm3"),
    ([("fragments: CF", "fragments: 12")], "15, samples.coarse_fragments", "expected 0 to 1."),
    ([("x: lon, ", "")], "12, samples.columns", "y without x"),
    ([("year: year, ", "")], "10, samples", "neither columns.year nor year"),
    ([("  file: samples.csv", "  file: samples.csv\n  year: 1980")], "10, samples", "both columns.year and year"),
    (
        [("year: year, ", ""), ("  file: samples.csv", "  file: samples.csv\n  year: 1970")],
        "12, samples.year",
        "a year of 1980-2000",
    ),
    ([("  file: samples.csv", "  file: samples.csv\n  crs: WGS")], "12, samples.crs", "expected a known CRS"),
    # single values
    ([("name: small", "name: small\nsampling_month: 13")], "2, sampling_month", "a month from 1 to 12"),
    ([("name: small", "name: small\ndepth_cm: 0")], "2, depth_cm", "above 0"),
    ([("name: small", "name: small\nunits: kg")], "2, units", "one of kg/m2, t/ha"),
    ([("name: small", "name: small\nmin_coverage: 95")], "2, min_coverage", "a share from 0 to 1"),
    ([("hybrid:\n  w_p: 0.5", "hybrid:")], "16, hybrid", "found nothing, expected `key: value` lines"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "place", "words"), CHECKS, ids=[check[2] for check in CHECKS])
def test_what_does_not_fit_together_is_refused_by_line(region_file, problems_of, changes, place, words):
    lines = problems_of(load_region, region_file(*changes))

    assert lines[0].startswith(f"region.yaml:{place}")
    assert words in lines[0]


def test_a_column_from_two_sources_is_refused(region_file, problems_of):
    name = region_file(
        ("[dem, ", "[slope, dem, "),
        catalog=[("  dem:", "  slope: {driver: raster, role: slope, uri: s.tif, unit: degree}\n  dem:")],
    )

    (line,) = problems_of(load_region, name)

    assert "column SLP from 'slope' and from 'dem', expected one source for it" in line


def test_a_source_that_is_missing_does_not_draw_a_tail_of_other_problems(region_file, problems_of):
    assert len(problems_of(load_region, region_file(("[dem, ", "[dme, ")))) == 1


def test_a_missing_catalog_is_named_as_written(region_file, problems_of):
    name = region_file(("name: small", "name: small\ncatalog: other/cat.yaml"))

    assert problems_of(load_region, name)[0].startswith(
        "other/cat.yaml: found no such file, expected a text file"
    )


def test_entries_of_several_catalogs_are_joined_but_never_hidden(region_file, problems_of, tmp_path):
    name = region_file(("name: small", "name: small\ncatalog: [data_catalog.yaml, more.yaml]"))
    more = tmp_path / "more.yaml"

    more.write_text(
        'sources:\n  twi: {driver: raster, role: covariate, column: TWI, uri: t.tif, unit: "1"}\n'
    )
    assert load_region(name).catalog_files[1] == more
    more.write_text("sources:\n  clay: {driver: raster, role: clay, uri: c.tif, unit: g/kg}\n")
    assert problems_of(load_region, name) == [
        "more.yaml:2, entry 'clay': found an entry that data_catalog.yaml has too, expected one. Rename one of them."
    ]


def test_the_options_of_rothc_are_what_they_were_if_nothing_is_said(region_file):
    rothc = load_region(region_file()).settings.rothc

    assert (rothc.spinup, rothc.cover, rothc.dpm_rpm, rothc.rate_factor) == (
        "mean_months",
        "threshold",
        1.44,
        None,
    )
    assert (rothc.manure, rothc.groups, rothc.map_outputs, rothc.input_months) == (None, None, [], [1.0] * 12)
    assert rothc.columns() == ("FER",)
    assert rothc.class_columns() == {}


def test_every_option_of_rothc_is_read_and_names_the_columns_that_it_needs(region_file):
    options = """\
cover: fraction
  cover_ndvi_range: [0.15, 0.8]
  spinup: real_years
  input_driver: NPP
  input_months: crop_calendar
  crop_calendar: [{sow: 11, harvest: 5, at_harvest: 0.3}, {sow: 6, harvest: 10, weight: 2}]
  dpm_rpm: {column: LAND_USE, values: {1: 1.44, "2": 0.67, 30: 0.25}}
  rate_factor: {column: LAND_USE, values: {1: paddy_all_year, 2: [1, 1, 1, 1, 1, 0.2, 0.2, 0.2, 0.2, 1, 1, 1]}}
  manure: MANURE
  manure_months: [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0]
  groups: LAND_USE
  map_outputs: [pools, co2]"""
    name = region_file(("[dem,", "[land, npp, dung, dem,"), ("cover_ndvi: 0.4", options))

    rothc = load_region(name).settings.rothc

    assert rothc.columns() == ("NPP", "LAND_USE", "MANURE")
    assert rothc.class_columns() == dict.fromkeys(["dpm_rpm", "rate_factor", "groups"], "LAND_USE")
    assert rothc.crops == [(11, 5, 1.0, 0.3), (6, 10, 2.0, 0.5)]
    assert rothc.dpm_rpm.by_class == {1: 1.44, 2: 0.67, 30: 0.25}
    assert rothc.rate_factor.by_class == {
        1: "paddy_all_year",
        2: (1, 1, 1, 1, 1, 0.2, 0.2, 0.2, 0.2, 1, 1, 1),
    }


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ("input_driver: constant", ()),
        ("input_driver: CLAY", ("CLAY",)),
        ("input_driver: STRAW", ("STRAW",)),
        ("input_driver: TMP", ("TMP",)),
        ("input_months: ndvi", ("FER",)),
        ("dpm_rpm: DPM_RPM", ("FER", "DPM_RPM")),
        ("rate_factor: paddy_rice_season", ("FER",)),
        (f"rate_factor: {[0.4] * 12}", ("FER",)),
        ("rate_factor: null", ("FER",)),
        ("manure: MANURE", ("FER", "MANURE")),
    ],
)
def test_an_option_of_rothc_may_be_stated_in_each_of_its_forms(region_file, options, columns):
    name = region_file(("[dem,", "[straw, dung, plants, dem,"), ("cover_ndvi: 0.4", options))

    assert load_region(name).settings.rothc.columns() == columns


def test_a_mask_fills_no_column_whatever_its_entry_says(region_file, problems_of):
    name = region_file(
        ("cover_ndvi: 0.4", "input_driver: CROPS"),
        catalog=[("classes: [1]}", "classes: [1], column: CROPS}")],
    )

    assert "CROPS, which no source makes" in problems_of(load_region, name)[0]


def test_columns_have_the_time_and_unit_of_the_cube_whatever_the_source(region_file):
    region = load_region(region_file(("[dem,", "[land, npp, dung, straw, dem,")))

    times = {
        name: region.column_time(name)
        for name in ("LAND_USE", "NPP", "MANURE", "STRAW", "TMP", "air_temp", "X")
    }
    assert times == {
        "LAND_USE": "static", "NPP": "annual", "MANURE": "annual", "STRAW": "static", "TMP": "annual",
        "air_temp": "monthly", "X": None,
    }  # fmt: skip
    assert [region.column_unit(name) for name in ("NPP", "MANURE", "STRAW")] == [
        "kg/m2/year",
        "kg/m2/year",
        "t/ha",
    ]


def test_a_stock_map_of_the_user_may_be_the_first_map(region_file):
    entry = "  s80: {driver: raster, role: stock, uri: s.tif, unit: t/ha}\n  dem:"
    name = region_file(
        ("[dem, ", "[s80, dem, "), ("cover_ndvi: 0.4", "first_map: s80"), catalog=[("  dem:", entry)]
    )

    assert load_region(name).sources["s80"].entry.unit_conversion() == (0.1, 0.0)


def test_a_month_with_a_leading_zero_is_explained(region_file, problems_of):
    """YAML takes 09 for a text, because it is no octal number."""
    (line,) = problems_of(load_region, region_file(("name: small", "name: small\nsampling_month: 09")))

    assert line.endswith("Write 9, without the zero before it.")


def test_an_empty_catalog_says_so(region_file, problems_of, tmp_path):
    name = region_file()
    (tmp_path / "data_catalog.yaml").write_text("sources: {}\n")
    assert problems_of(load_region, name)[0].endswith("The catalog has: none.")
    (tmp_path / "data_catalog.yaml").write_text("version: 1\n")
    assert problems_of(load_region, name) == [
        "data_catalog.yaml, sources: found nothing, expected entries, each with its keys below it."
    ]


def test_overrides_lie_over_the_file_key_by_key(region_file):
    changes = {"grid": {"resolution": 250}, "area": {"bounds": [119.2, 29.9, 120.0, 31.0]}, "title": "West"}

    region = load_region(region_file(), changes, "regions.yaml: west")

    assert region.settings.grid.resolution == 250
    assert region.settings.grid.crs == load_region("region.yaml").settings.grid.crs
    assert region.settings.area.bounds[2] == 120.0
    assert (region.settings.title, region.file) == ("West", "region.yaml")


def test_a_wrong_override_names_who_gave_it_and_the_rest_of_the_file_its_lines(region_file, problems_of):
    changes = {"grid": {"resolution": -1}, "naem": "x"}
    file = region_file(("w_p: 0.5", "w_p: 7"))
    lines = problems_of(load_region, file, changes, "regions.yaml: west")

    line = Path(file).read_text(encoding="utf-8").splitlines().index("  w_p: 7") + 1
    assert any(
        text.startswith("region.yaml, regions.yaml: west, grid.resolution: found -1") for text in lines
    )
    assert any("regions.yaml: west, naem: found an unknown key" in text for text in lines)
    assert any(text.startswith(f"region.yaml:{line}, hybrid.w_p: found 7") for text in lines)
    assert len(lines) == 3


def test_a_section_that_is_wrong_only_with_its_override_names_who_changed_it(region_file, problems_of):
    (line,) = problems_of(
        load_region, region_file(), {"area": {"polygons": "counties"}}, "regions.yaml: west"
    )
    assert re.match(
        r"region.yaml:\d+, area \(changed by regions.yaml: west\): found both bounds and polygons", line
    )
