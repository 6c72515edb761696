"""Whoever made what went in is named, with the licence that asks for it."""

import json

from poml_map.pipeline.manifest import to_json
from poml_map.pipeline.sources import source_lines, source_list

CLAY = "  clay: {driver: raster, role: clay, uri: clay.tif, unit: g/kg"
STATED = (
    CLAY + ', licence: CC-BY-4.0, source: "Poggio et al. (2021),\\n doi:10/x.", url: https://example.org/a_b'
)


def test_every_used_entry_and_no_other_is_named_with_what_the_catalog_says_of_it(region):
    sources = json.loads(to_json({"sources": source_list(region(catalog=[(CLAY, STATED)]))}))["sources"]
    assert [each["name"] for each in sources] == [
        "dem", "tmp", "ppt", "pet", "ndvi", "clay", "bd", "cf", "counties", "fert", "crop",
    ]  # fmt: skip
    by_name = {each.pop("name"): each for each in sources}
    assert by_name["clay"] == {
        "role": "clay", "columns": ["CLAY"], "source": "Poggio et al. (2021), doi:10/x.", "licence": "CC-BY-4.0",
        "url": "https://example.org/a_b", "years": None, "long_name": None, "stand_in": False,
    }  # fmt: skip
    assert by_name["dem"]["columns"] == ["ELEV", "SLP", "SPI"]
    assert by_name["tmp"]["years"] == [1960, 2000]
    assert (by_name["bd"]["stand_in"], by_name["counties"]["columns"]) == (True, [])


def test_the_report_gives_each_source_a_line_to_cite(region):
    lines = source_lines(source_list(region(catalog=[(CLAY, STATED)])))
    assert (
        "- **clay** (CLAY): Poggio et al. (2021), doi:10/x. Licence: CC-BY-4.0. <https://example.org/a_b>"
        in lines
    )
    assert "- **bd** (BD; stand-in): source not stated. Licence: not stated." in lines
    assert "- **counties** (zones): source not stated. Licence: not stated." in lines
    assert "- **fert** (FER; 1980-2000): source not stated. Licence: not stated." in lines
