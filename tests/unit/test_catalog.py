import os
from pathlib import Path

import pytest

from poml_map.catalog import file_problems, load_catalog, require_files

CATALOG_OF_REPOSITORY = Path(__file__).parents[2] / "data_catalog.yaml"


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    """Writes a catalog with these lines as its entries and loads them all."""
    monkeypatch.chdir(tmp_path)

    def load(*entries, roots=(), head=""):
        text = f"{head}sources:\n" + "".join(f"  {entry}\n" for entry in entries)
        (tmp_path / "cat.yaml").write_text(text, encoding="utf-8")
        return load_catalog(tmp_path / "cat.yaml", "cat.yaml", _Everything(), roots)

    return load


class _Everything(list):
    def __contains__(self, name):
        return True


def _entry(**changes):
    keys = {"driver": "raster", "role": "clay", "uri": "clay.tif", "unit": "g/kg"} | changes
    return "clay: {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value is not None) + "}"


def test_an_entry_knows_what_its_role_implies(catalog):
    sources = catalog(
        _entry(),
        'pan: {driver: netcdf, role: pan_evaporation, uri: "{year}.nc", variable: e, unit: mm/day, '
        "years: [1960, 2000]}",
        "mask: {driver: raster, role: mask, uri: m.tif, classes: [1, 2]}",
        "twi: {driver: raster, role: covariate, column: TWI, uri: t.tif, unit: '0.01', valid_range: [0, 30]}",
    )
    clay, pan, mask, twi = (sources[name].entry for name in ("clay", "pan", "mask", "twi"))

    assert (clay.cube_column, clay.cube_unit, clay.method, clay.steps_in_time) == (
        "CLAY",
        "%",
        "bilinear",
        "static",
    )
    assert clay.unit_conversion() == (0.1, 0.0)
    assert pan.steps_in_time == "monthly"
    assert pan.unit_conversion()[0] == pytest.approx(0.75 * 365.25 / 12)
    assert (mask.cube_column, mask.method) == (None, "nearest")
    assert (twi.cube_column, twi.physical_range) == ("TWI", (0, 30))


def test_classes_need_no_unit_and_keep_their_cells(catalog):
    entry = catalog("land: {driver: raster, role: land_use, uri: l.tif}")["land"].entry

    assert (entry.cube_column, entry.cube_unit, entry.method, entry.steps_in_time) == (
        "LAND_USE", "1", "nearest", "static",
    )  # fmt: skip


YEARLY = [
    ("{driver: raster, role: npp, uri: n.tif, unit: g/m2}", "static"),
    ("{driver: raster, role: npp, uri: n.tif, unit: g/m2, years: [1980, 2000]}", "annual"),
    ('{driver: raster, role: manure, uri: "m_{year}.tif", unit: g/m2, years: [1980, 2000]}', "annual"),
    ("{driver: constant, role: manure, value: 1, unit: t/ha}", "static"),
    (
        "{driver: table, role: covariate, column: X, uri: s.csv, year: y, value: v, unit: t/ha, years: [1980, 2000]}",
        "annual",
    ),
]


@pytest.mark.parametrize(("entry", "time"), YEARLY)
def test_one_map_or_one_for_each_year_shows_in_the_entry(catalog, entry, time):
    assert catalog(f"input: {entry}")["input"].entry.steps_in_time == time


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("g/m2/year", 1e-3),
        ("kg/m2", 1),
        ("t/ha", 0.1),
        ("kg C m-2 year-1", 1),
        ("gC/m2", 1e-3),
        ("kg C/ha", 1e-4),
        ("0.0001 kg C/m2", 1e-4),
    ],
)
@pytest.mark.parametrize("role", ["npp", "manure"])
def test_carbon_of_a_year_is_converted_with_and_without_its_period(catalog, role, unit, factor):
    source = catalog(f"input: {{driver: raster, role: {role}, uri: n.tif, unit: {unit}}}")["input"]

    assert source.entry.unit_conversion() == (pytest.approx(factor, rel=1e-12), 0)


def test_files_are_made_of_variable_year_and_month(catalog):
    source = catalog(
        'tmp: {driver: netcdf, role: air_temperature, uri: "{variable}/{year}_{month}.nc", variables: [tn, tx], '
        "expression: (tn + tx) / 2, unit: K, years: [1980, 2000]}"
    )["tmp"]

    files = source.files(range(1980, 1982))

    assert len(files) == 2 * 2 * 12
    assert source.shown(*files[0]) == "tn/1980_01.nc"
    assert source.shown(*files[-1]) == "tx/1981_12.nc"


def test_files_of_half_a_year_and_their_addresses_are_made_of_one_template_each(catalog):
    sources = catalog(
        'ndvi: {driver: netcdf, role: ndvi, uri: "g/{year}_{half}.nc4", variable: ndvi, unit: "1", '
        'years: [1982, 2022], in_month: max, fetch: {url: "https://example.org/{half}/n_{year}.nc4"}}',
        'sand: {driver: raster, role: clay, uri: "s_{variable}.tif", variables: [a, b], expression: a + b, unit: g/kg, '
        'fetch: {url: "https://example.org/{tile}_{variable}.tif", layout: tiles, names: {a: 0-5cm}, '
        'tiles: {degrees: 3, name: "{NS}{lat:02}{EW}{lon:03}"}}}',
        "own: {driver: raster, role: clay, uri: own.tif, unit: g/kg}",
    )
    ndvi, sand = sources["ndvi"], sources["sand"]

    files = ndvi.files([1982, 1983])

    assert [ndvi.shown(*file) for file in files[:3]] == [
        "g/1982_0106.nc4",
        "g/1982_0712.nc4",
        "g/1983_0106.nc4",
    ]
    assert ndvi.address(*files[1]) == "https://example.org/0712/n_1982.nc4"
    assert sand.address("a", tile="N30E117") == "https://example.org/N30E117_0-5cm.tif"
    assert sand.address("b", tile="S03W003") == "https://example.org/S03W003_b.tif"
    with pytest.raises(ValueError, match="entry 'own' has no `fetch:`"):
        sources["own"].address()


def test_files_in_archives_of_several_years_are_called_by_span_and_name(catalog):
    (source,) = catalog(
        'ndvi: {driver: raster, role: ndvi, uri: "g/{year}{month}{fortnight}.tif", unit: "1", years: [1982, 2000], '
        "in_month: max, fetch: {url: 'https://example.org/g_{span}.zip', layout: members, "
        'spans: ["1982_1990", "1991_2000"], member: "G{year}{month}{fortnight}.tif"}}'
    ).values()

    files = source.files([1990, 1991])

    assert len(files) == 48
    assert [source.address(*file) for file in (files[0], files[-1])] == [
        "https://example.org/g_1982_1990.zip", "https://example.org/g_1991_2000.zip",
    ]  # fmt: skip
    assert [source.member(*file) for file in files[:2]] == ["G19900101.tif", "G19900102.tif"]


TILES = 'tiles: {degrees: 3, name: "{NS}{lat}{EW}{lon}"}'
BAD_FETCHES = [
    ("url: ftp://example.org/a.tif", "fetch.url: found 'ftp://example.org/a.tif', expected an address that begins"),
    ("url: https://me:secret@example.org/a.tif", "found a name or password before the host"),
    ("url: https:///a.tif", "expected an address that begins with https:// or http:// and a host"),
    ("url: 'https://[::1/a.tif'", "expected an address. For example"),
    ("url: 'https://example.org:x/a.tif'", "expected an address. For example"),
    ("url: 'https://example.org/../a b.tif'", "expected an address without .., blanks"),
    ("url: 'https://{tile}.org/a.tif', layout: tiles, " + TILES, "begins with https:// or http:// and a host"),
    ("url: 'https://example.org/{year}.tif'", "expected no field. The address has the fields of `uri:`"),
    ("url: 'https://example.org/{tile.__class__}.tif'", "expected braces in pairs, with names alone in them"),
    ("url: 'https://example.org/{tile:0999999999}.tif'", "expected braces in pairs, with names alone in them"),
    ("url: 'https://example.org/{tile.tif'", "expected braces in pairs, with names alone in them"),
    ("url: https://example.org/a.tif, layout: tiles, " + TILES, "expected {tile}. The address has the fields"),
    ("url: 'https://example.org/{tile}.tif', layout: archives", "fetch.tiles: found nothing, expected the tiles' size"),
    ("url: https://example.org/a.tif, " + TILES, "found tiles with layout file, expected layout tiles or archives"),
    ("url: https://example.org/a.tif, missing: nodata", "fetch.missing: found nodata with layout file"),
    ("url: https://example.org/a.tif, names: {d: e}", "found d, expected names of the entry's variables (none"),
    ("url: https://example.org/a.tif, sha256: {a.tif: abc}", "found 'abc' of a.tif, expected 64 hexadecimal digits"),
    ("url: https://example.org/a.tif, layout: vrts", "expected one of file, vrt, tiles, archives, members"),
    ("layout: vrt", "fetch.url: found nothing, expected an address"),
    ("url: 'https://example.org/{tile}.tif', layout: tiles, " + TILES.replace("{NS}", "{__class__}"),
     "fetch.tiles.name: found"),
    ("url: https://example.org/a.zip, layout: members", "fetch.member: found nothing, expected the file's name"),
    ("url: https://example.org/a.zip, layout: members, member: x/a.tif", "expected a name without folders"),
    ("url: https://example.org/a.zip, layout: members, member: '{a.tif'", "fetch.member: found '{a.tif', expected"),
    ("url: https://example.org/a.zip, layout: members, member: '{span}.tif', spans: ['19']", "expected {span}. Ad"),
    ("url: https://example.org/a.zip, layout: members, member: a.tif, whole: true", "fetch.whole: found true with"),
    ("url: https://example.org/a.tif, member: a.tif", "fetch.member: found member with layout file, expected layout"),
    ("url: 'https://example.org/{span}.zip', layout: members, member: a.tif, spans: ['1982_1990']",
     "fetch.spans: found spans of files without {year}"),
    ("url: 'https://example.org/{tile}.tif', layout: tiles, " + TILES.replace("{lat}", "{lat:0999999999}"),
     "with a width such as {lat:02} at most"),
    ("url: 'https://example.org/{tile}.tif', layout: tiles, " + TILES.replace("{EW}", "{"), "fetch.tiles.name: found"),
]  # fmt: skip


@pytest.mark.parametrize(("fetch", "words"), BAD_FETCHES, ids=[words for _, words in BAD_FETCHES])
def test_a_wrong_address_is_refused_by_line_and_key(catalog, problems_of, fetch, words):
    lines = problems_of(catalog, "# a comment", _entry(fetch=f"{{{fetch}}}"))

    assert all(line.startswith("cat.yaml:3, sources.clay.fetch") for line in lines)
    assert any(words in line for line in lines)


BAD_ENTRIES = [
    (
        {"access": "account", "fetch": "{url: https://example.org/a.tif}"},
        "found account, expected open: the program",
    ),
    (
        {"uri": "'c_{year}{month}{fortnight}.tif'", "fetch": "{url: https://example.org/a.tif}"},
        "clay.fetch.url: found 'https://example.org/a.tif', expected {fortnight}, {month}, {year}",
    ),
    ({"access": "free"}, "clay.access: found the text 'free', expected open, account, request or manual"),
    ({"in_month": "max"}, "clay.in_month: found max, expected only with monthly values"),
    ({"in_month": "sum"}, "expected mean or max"),
    (
        {"uri": "'c_{year}{fortnight}.tif'", "role": "ndvi", "unit": '"1"'},
        "expected {fortnight} beside {year} and {month}",
    ),
    (
        {"uri": "'c_{year}{month}{fortnight}.tif'", "role": "ndvi", "unit": '"1"', "years": "[1982, 2000]"},
        "clay.in_month: found nothing, expected what becomes of the two maps of a month",
    ),
    ({"uri": "'c_{half}.tif'"}, "expected {half} beside {year}, without {month}, of monthly values"),
    (
        {"driver": "constant", "value": 2, "uri": None, "fetch": "{url: https://example.org/a.tif}"},
        "clay.fetch.layout: found file, expected one for driver constant",
    ),
    ({"unti": "g/kg"}, "clay.unti: found an unknown key. Did you mean `unit`?"),
    ({"scale_factor": "0.1"}, "Did you mean `scale`?"),
    ({"role": "cley"}, "clay.role: found the text 'cley', expected one of elevation, slope"),
    ({"role": "cley"}, "Did you mean `clay`?"),
    ({"driver": "geotiff"}, "expected one of raster, netcdf, zarr, vector, table, constant"),
    ({"driver": "[raster]"}, "clay.driver: found ['raster']"),
    ({"unit": None}, 'found nothing, expected the unit of the values in the file. For example `unit: "%"`'),
    ({"unit": "K"}, "found 'K', expected a unit that becomes %. 'K' cannot be converted to '%'"),
    (
        {"unit": "1"},
        'clay.unit: found 1, expected the unit of the values in the file. Put it in quotes: "1".',
    ),
    ({"unit": "grams"}, "expected a unit that becomes %"),
    ({"role": "precipitation", "unit": "mm", "years": "[1960, 2000]"}, "such as 'mm/month'"),
    ({"scale": "1e-4"}, "Write 1.0e-4: YAML takes 1e-4 for a text."),
    ({"scale": "0"}, "clay.scale: found 0"),
    ({"scale": ".inf"}, "clay.scale: found .inf"),
    ({"valid_range": "[100, 0]"}, "expected [LOWEST, HIGHEST] with LOWEST < HIGHEST"),
    ({"years": "[2000, 1982]"}, "expected [FIRST, LAST] with FIRST not after LAST"),
    ({"years": "1982-2000"}, "For example `years: [1982, 2000]`."),
    ({"role": "ndvi", "unit": '"1"'}, "clay.years: found nothing"),
    ({"role": "covariate"}, "clay.column: found nothing, expected a name for the covariate"),
    ({"column": "a b"}, "expected a name of letters, digits and _"),
    ({"role": "mask"}, "clay.classes: found nothing"),
    ({"derive": "[SLP]"}, "clay.derive: found ['SLP'], expected only with role elevation"),
    ({"band": "0"}, "clay.band: found 0, expected number of the band, from 1"),
    ({"driver": "netcdf"}, "clay.variable: found nothing"),
    ({"driver": "vector", "role": "zones"}, "clay.key: found nothing"),
    (
        {"driver": "table", "role": "fertilizer", "unit": "kg/ha", "years": "[1980, 2000]"},
        "clay.year: found nothing",
    ),
    ({"uri": None}, "clay.uri: found nothing"),
    ({"uri": '"c_{yr}.tif"'}, "Use {variable}, {year}, {month}, {half} and {fortnight} as they stand"),
    ({"uri": '"c_{year.__class__}.tif"'}, "expected no other field in braces"),
    ({"uri": '"c_{year:0999999999d}.tif"'}, "expected no other field in braces"),
    ({"uri": '"c_{year!r}.tif"'}, "expected no other field in braces"),
    ({"uri": '"c_{}.tif"'}, "expected no other field in braces"),
    ({"uri": '"c_{year.tif"'}, "expected braces in pairs"),
    ({"uri": "https://example.org/c.tif"}, "Bring the file to a folder of yours"),
    ({"uri": "/vsicurl/https://example.org/c.tif"}, "expected the path of a local file"),
    ({"variables": "[a, b]"}, "clay.expression: found nothing, expected how the variables become one"),
    (
        {"variables": "[a, b]", "expression": "(a + c) / 2"},
        "the name 'c' in an expression: known are a, b",
    ),
    ({"variables": "[a, b]", "expression": "a +"}, "is no expression: only names of the variables, numbers"),
    (
        {"variables": "[a, b]", "expression": "a.__class__"},
        "only names of the variables, numbers, + - * / and parentheses",
    ),
    ({"variables": "[a, b]", "expression": "a ** b"}, "only names of the variables, numbers"),
    ({"variables": "[a, b]", "expression": "\"a + 'x'\""}, "only names of the variables, numbers"),
    ({"table": "{seperator: x}"}, "clay.table.seperator: found an unknown key"),
    ({"role": "land_use", "unit": '"%"'}, "clay.unit: found '%', expected none, or \"1\""),
    (
        {"role": "land_use", "unit": None, "resampling": "bilinear"},
        "clay.resampling: found bilinear, expected none that",
    ),
    (
        {"role": "land_use", "unit": None, "resampling": "average"},
        "between class 1 and class 3 lies no class 2",
    ),
    ({"role": "npp", "unit": "g"}, "clay.unit: found 'g', expected a unit that becomes kg/m2/year"),
    ({"role": "manure", "unit": "kg N/ha"}, "clay.unit: found 'kg N/ha', expected carbon, not nitrogen"),
    ({"role": "dpm_rpm", "unit": "g"}, "expected a unit that becomes 1"),
    ({"nodata": "[1, none]"}, "clay.nodata[1]: found the text 'none'"),
    ({"nodata": "none"}, "expected the value that means: no data. For example `nodata: -9999`."),
]


BAD_SPANS = [
    ("spans: ['82_90']", "expected FIRST_LAST years, FIRST not after LAST"),
    ("spans: ['1990_1982', '1991_2000']", "expected FIRST_LAST years, FIRST not after LAST"),
    ("spans: ['1982_1991', '1991_2000']", "expected spans in order, none of which overlap"),
    (
        "spans: ['1982_1990', '1992_2000']",
        "found no span that holds 1991, expected each of the years 1982-2000 in one",
    ),
    ("missing: refuse", "fetch.url: found 'https://example.org/{span}.zip', expected {year}"),
]


@pytest.mark.parametrize(("spans", "words"), BAD_SPANS)
def test_each_year_lies_in_one_archive(catalog, problems_of, spans, words):
    fetch = f"{{url: 'https://example.org/{{span}}.zip', layout: members, member: '{{year}}.tif', {spans}}}"
    entry = _entry(uri="'c_{year}.tif'", role="covariate", column="C", years="[1982, 2000]", fetch=fetch)

    (line,) = problems_of(catalog, "# a comment", entry)

    assert line.startswith("cat.yaml:3, sources.clay.fetch")
    assert words in line


@pytest.mark.parametrize(
    ("changes", "words"), BAD_ENTRIES, ids=[f"{bad} {words}" for bad, words in BAD_ENTRIES]
)
def test_a_wrong_entry_is_refused_by_line_and_key(catalog, problems_of, changes, words):
    lines = problems_of(catalog, "# a comment", _entry(**changes))

    assert all(line.startswith("cat.yaml:3, sources.clay") for line in lines)
    assert any(words in line for line in lines)


BAD_CONSTANTS = [
    ("twenty", "found twenty, expected one number, or twelve for the months"),
    ("[1, 2]", "found [1.0, 2.0], expected one number"),
    (".nan", "found .nan"),
    ("280", "found 280 %, expected 0 to 100 %"),
    ("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]", "this role has no months"),
    (None, "found None, expected one number"),
]


@pytest.mark.parametrize(("value", "words"), BAD_CONSTANTS)
def test_a_constant_must_be_a_possible_number(catalog, problems_of, value, words):
    (line,) = problems_of(catalog, _entry(driver="constant", uri=None, unit='"%"', value=value))

    assert words in line


def test_a_constant_class_must_be_whole(catalog, problems_of):
    land = _entry(driver="constant", role="land_use", uri=None, unit=None, value="1.5")
    assert problems_of(catalog, land) == [
        "cat.yaml:2, sources.clay.value: found 1.5, expected a whole number: a class. For example `value: 1`."
    ]
    (line,) = problems_of(catalog, land.replace("1.5", "-9999"))
    assert "found -9999, expected 0 to 30000" in line
    assert catalog(land.replace("1.5", "2"))["clay"].entry.value == 2


def test_ndvi_may_be_twelve_constants(catalog):
    months = "[0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2]"

    assert (
        catalog(_entry(driver="constant", role="ndvi", uri=None, unit='"1"', value=months))[
            "clay"
        ].entry.value[6]
        == 0.6
    )


def test_several_values_may_mean_no_data(catalog):
    assert catalog(_entry(nodata="[-9999, 255]"))["clay"].entry.nodata_codes == (-9999, 255)
    assert catalog(_entry(nodata="-9999"))["clay"].entry.nodata_codes == (-9999,)
    assert catalog(_entry())["clay"].entry.nodata_codes == ()


def test_nan_may_be_the_nodata_value(catalog):
    nodata = catalog(_entry(nodata=".nan"))["clay"].entry.nodata

    assert nodata != nodata


def test_an_entry_that_is_no_mapping_is_refused(catalog, problems_of):
    assert problems_of(catalog, "clay: 3") == [
        "cat.yaml:2, sources.clay: found 3, expected `key: value` lines."
    ]


def test_an_entry_named_like_a_key_is_explained_as_any_other(catalog, problems_of):
    (line,) = problems_of(catalog, "table: {driver: raster, role: clay, uri: a.tif, unti: g/kg}")

    assert line.endswith("Did you mean `unit`?")


def test_an_entry_twice_names_both_lines(catalog, problems_of):
    (line,) = problems_of(catalog, _entry(), _entry())

    assert line.startswith("cat.yaml:3, sources.clay: found the key twice, on lines 2 and 3")


def test_entries_that_are_not_used_are_checked_for_their_form_only(tmp_path):
    (tmp_path / "cat.yaml").write_text("sources:\n  clay: {driver: raster, role: clay}\n")

    assert list(load_catalog(tmp_path / "cat.yaml", "cat.yaml", [])) == ["clay"]


@pytest.fixture
def folders(tmp_path):
    """A catalog's folder with a good file, and a neighbour that it may not reach."""
    (tmp_path / "clay.tif").write_bytes(b"x")
    outside = tmp_path.parent / (tmp_path.name + "_outside")
    outside.mkdir()
    (outside / "clay.tif").write_bytes(b"x")
    return tmp_path, outside


def test_a_file_below_the_root_is_accepted_by_any_spelling(catalog, folders):
    inside, _ = folders
    for uri in ("clay.tif", "./clay.tif", "x/../clay.tif", str(inside / "clay.tif")):
        assert file_problems(catalog(_entry(uri=uri))["clay"], []) == []


@pytest.mark.parametrize("way", ["up", "absolute", "link", "linked folder", "root"])
def test_a_path_that_leaves_the_roots_names_entry_roots_and_how_to_add_one(catalog, folders, way):
    inside, outside = folders
    (inside / "link.tif").symlink_to(outside / "clay.tif")
    (inside / "folder").symlink_to(outside)
    uri = {
        "up": f"../{outside.name}/clay.tif",
        "absolute": str(outside / "clay.tif"),
        "link": "link.tif",
        "linked folder": "folder/clay.tif",
        "root": "clay.tif",
    }[way]
    head = f"root: ../{outside.name}\n" if way == "root" else ""

    (problem,) = file_problems(catalog(_entry(uri=uri), head=head)["clay"], [])

    line = str(problem)
    assert line.startswith(f"{uri}, entry 'clay': found a path that leads to {outside / 'clay.tif'}")
    assert f"expected a file below {inside}" in line
    assert line.endswith(f"add '{outside}' to `data_roots:` of the region file.")
    assert file_problems(catalog(_entry(uri=uri), head=head, roots=(outside,))["clay"], []) == []


def test_a_folder_whose_name_only_begins_like_the_root_is_outside(catalog, folders):
    _, outside = folders

    assert file_problems(catalog(_entry(uri=f"../{outside.name}/clay.tif"))["clay"], [])


def test_all_unusable_files_are_listed_in_one_report(catalog, problems_of, tmp_path):
    (tmp_path / "empty.tif").touch()
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "loop.tif").symlink_to("loop.tif")
    names = ["missing", "empty", "folder", "loop"]
    sources = catalog(
        *(f"{name}: {{driver: raster, role: clay, uri: {name}.tif, unit: g/kg}}" for name in names)
    )

    lines = [str(problem) for source in sources.values() for problem in file_problems(source, [])]

    assert [line.split(",")[0] for line in lines] == [f"{name}.tif" for name in names]
    assert (
        "found no such file, expected a file that can be read. Check `uri:` and `root:` of the entry (cat.yaml:2)."
        in lines[0]
    )
    assert "found an empty file" in lines[1]
    assert "found a folder" in lines[2]
    assert "found a path that cannot be followed" in lines[3]
    assert problems_of(require_files, sources["empty"], []) == [lines[1]]


def test_a_zero_byte_in_a_uri_is_refused(catalog):
    assert "cannot be followed" in str(file_problems(catalog(_entry(uri='"a\\0b.tif"'))["clay"], [])[0])


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_read_permission_is_refused(catalog, folders):
    (folders[0] / "clay.tif").chmod(0)

    assert "Permission denied" in str(file_problems(catalog(_entry())["clay"], [])[0])


def test_an_unreadable_file_is_a_problem_and_no_traceback(catalog, folders, monkeypatch):
    """As the test above, for those who run the tests as root."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    source = catalog(_entry())["clay"]
    monkeypatch.setattr(Path, "open", refuse)

    assert "cannot be followed (Permission denied)" in str(file_problems(source, [])[0])


def test_many_missing_files_of_an_entry_are_counted(catalog):
    source = catalog(_entry(role="ndvi", unit='"1"', uri='"n_{year}_{month}.tif"', years="[1980, 2000]"))[
        "clay"
    ]

    lines = [str(problem) for problem in file_problems(source, range(1980, 1990))]

    assert len(lines) == 6
    assert lines[0].startswith("n_1980_01.tif, entry 'clay': found no such file")
    assert (
        lines[-1] == "n_{year}_{month}.tif, entry 'clay': found the same or worse of 115 more of 120 files."
    )


def test_a_constant_needs_no_file(catalog):
    assert file_problems(catalog(_entry(driver="constant", uri=None, value=28, unit='"%"'))["clay"], []) == []


def test_a_zarr_store_is_a_folder(catalog, tmp_path):
    source = catalog(_entry(driver="zarr", variable="clay", uri="c.zarr"))["clay"]
    assert "no such folder" in str(file_problems(source, [])[0])
    (tmp_path / "c.zarr").mkdir()
    assert file_problems(source, []) == []


@pytest.fixture(scope="module")
def shipped():
    return load_catalog(CATALOG_OF_REPOSITORY, "data_catalog.yaml", _Everything())


def test_every_entry_of_the_shipped_catalog_says_whence_and_under_which_licence(shipped):
    for name, source in shipped.items():
        entry = source.entry
        assert entry.licence, name
        assert entry.source, name
        assert entry.unit or entry.role in ("mask", "zones"), name
        assert entry.years or entry.steps_in_time == "static" or entry.driver == "constant", name


def test_published_sources_say_where_and_how_to_get_them(shipped):
    published = {name: source.entry for name, source in shipped.items() if source.entry.structure}

    assert len(published) >= 20
    for name, entry in published.items():
        assert entry.url, name
        assert entry.access, name
        assert (entry.fetch is not None) == (entry.access == "open"), name
        assert entry.fetch or len(entry.steps) > 100, name


def test_the_shipped_catalog_has_a_published_source_for_every_column_of_the_paper(shipped):
    roles = {source.entry.role for source in shipped.values() if source.entry.structure}

    assert roles >= {
        "elevation", "slope", "spi", "air_temperature", "precipitation", "pet", "ndvi", "clay", "bulk_density",
        "coarse_fragments", "fertilizer", "zones", "mask",
    }  # fmt: skip
