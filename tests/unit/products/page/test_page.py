"""The report page: it says what the files say, runs nothing of theirs, asks nobody, and does without what is absent."""

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import poml_map
from poml_map.errors import InputError
from poml_map.products import made_maps, read_map
from poml_map.products.page import write_page
from poml_map.products.page.text import as_html
from poml_map.products.page.write import REPORT_SECTIONS
from poml_map.products.place import block_mean, nice_limits

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def _as_text(values, digits):
    return [f"{round(value, digits) + 0.0:.{digits}f}" for value in values.ravel().tolist()]  # no minus zero


@pytest.mark.parametrize(("unit", "digits"), [("kg/m2", 3), ("t/ha", 2)])
def test_every_number_of_the_map_is_that_of_the_geotiff_to_the_digits_shown(page_of, unit, digits):
    page = page_of(unit=unit)
    years = page.facts["years"]
    for made in made_maps(page.path.parent):
        frame = years.index(made.years[1]) if made.group != "change" else 0
        steps, values = page.layers[made.layer][frame], read_map(made.path)
        assert np.array_equal(np.isfinite(steps), np.isfinite(values))
        known = np.isfinite(values)
        if made.layer.endswith("_class"):
            assert np.array_equal(steps[known], values[known])
            continue
        assert page.facts["digits"] == digits
        assert _as_text(steps[known] / 10**digits, digits) == _as_text(values[known].astype(float), digits)


def test_a_change_without_a_map_of_its_own_is_last_minus_first(page_of):
    page = page_of(change=False)
    maps = page.path.parent / "maps"
    meant = read_map(maps / "SOCS_ML_2003.tif") - read_map(maps / "SOCS_ML_2000.tif")
    assert np.allclose(page.layers["CHANGE_ML"][0] / 1000, meant, atol=0.00051, equal_nan=True)


def test_a_region_beyond_the_steps_is_told_with_fewer_decimals(page_of):
    page = page_of(spread=60.0)
    assert page.facts["digits"] == 2
    values = read_map(page.path.parent / "maps" / "SOCS_PO_2001.tif")
    assert np.allclose(page.layers["PO"][1] / 100, values, atol=0.0051, equal_nan=True)


def test_one_scale_holds_for_the_stocks_of_all_years_and_models(page):
    stocks = [
        read_map(made.path) for made in made_maps(page.path.parent) if made.group in ("POML", "ML", "PO")
    ]
    scale = page.facts["scales"]["stock"]
    assert (scale["low"], scale["high"]) == nice_limits(np.stack(stocks))


def test_a_pixel_lies_in_the_zone_that_holds_its_centre(page):
    columns = np.arange(page.facts["columns"])
    meant = np.broadcast_to(1 + columns // 10, page.mask.shape)
    assert np.array_equal(page.layers["zones"][0], meant), "also one that is not mapped"
    assert [zone["name"] for zone in page.facts["zones"]] == ["Anhe", "Beilan", "Chunxi"]


def test_a_zone_whose_key_reads_like_a_missing_value_keeps_its_course(page):
    zone = page.facts["zones"][1]
    assert None not in zone["models"]["POML"]["mean"]
    assert zone["models"]["POML"]["low"][0] == pytest.approx(
        zone["models"]["POML"]["mean"][0] - 0.1, abs=2e-6
    )


def test_names_of_users_are_text_and_nothing_else(page_of, page):
    hostile = page_of(title=HOSTILE, names=(HOSTILE, "B", "C"), notes=[f"Stand-in: {HOSTILE}"])
    assert [tag for tag, _, _ in hostile.scripts] == [tag for tag, _, _ in page.scripts]
    assert sum(tag == "img" for tag, _ in hostile.elements) == sum(tag == "img" for tag, _ in page.elements)
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]
    assert hostile.text.count(HOSTILE) >= 5
    assert hostile.facts["zones"][0]["name"] == HOSTILE


def test_words_of_reports_run_nothing_and_fetch_nothing(run, write_run_folder, tmp_path, read_page):
    folder = write_run_folder(tmp_path / "run")
    words = f"- {HOSTILE}\n- ![out](https://x.example/a.png)\n- ![up](../a.png)\n- [j](javascript:alert(1))\n"
    (folder / "report.md").write_text(f"## Warnings\n{words}\n| a |\n|---:|\n| 1 |\n", encoding="utf-8")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    page = read_page(write_page(folder))
    assert all(attributes["src"].startswith("data:") for tag, attributes in page.elements if tag == "img")
    assert "alert(1)</script>" in page.text
    assert not [attributes for _, attributes in page.elements if "style" in attributes]
    assert not [attributes for _, attributes in page.elements if "javascript:" in str(attributes.get("href"))]


def test_the_policy_of_the_page_lets_only_its_own_script_and_style_work(page):
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    running = [(tag, "".join(parts)) for tag, a, parts in page.scripts if a.get("type", "module") == "module"]
    assert [tag for tag, _ in running] == ["style", "script"]
    for tag, text in running:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_fetched_and_the_only_way_out_is_the_link_to_the_paper(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("data:", "#")) or tag == "a"
    links = {a["href"] for tag, a in page.elements if tag == "a" and not a["href"].startswith("#")}
    assert links == {"https://doi.org/10.1016/j.scitotenv.2024.170778"}
    style = "".join("".join(parts) for tag, _, parts in page.scripts if tag == "style")
    assert "@import" not in style
    assert "url(" not in style


@pytest.mark.parametrize("size", [400_000, 200_000])
def test_many_pixels_are_reduced_to_means_until_the_page_is_small_enough(page_of, size):
    page = page_of(size=size, shape=(150, 160), zones=False)
    assert page.path.stat().st_size <= size
    block = round(page.facts["transform"][0] / 500)
    assert block > 1
    values = read_map(page.path.parent / "maps" / "SOCS_ML_2001.tif")
    assert np.allclose(page.layers["ML"][1] / 1000, block_mean(values, block), atol=0.00051, equal_nan=True)
    assert f"the mean of {block} × {block} pixels" in page.text


def test_where_pixels_are_not_reduced_the_page_does_not_say_so(page):
    assert page.facts["transform"][0] == 500
    assert "the mean of" not in page.text.split("Through the years")[0].replace("Mean of", "")


@pytest.mark.parametrize(
    ("options", "gone", "kept"),
    [
        ({"intervals": False}, "Interval width", "Change by zone"),
        ({"zones": False}, "Change by zone", "Interval width"),
        ({"years": [2000]}, "minus", "Interval width"),
        ({"models": ["ML"], "intervals": False}, "PO (RothC)", "Change by zone"),
        ({"tables": False}, "Drivers through time", "Mean of the region"),
    ],
)
def test_what_a_run_does_not_have_is_left_out(page, page_of, options, gone, kept):
    found = page_of(**options)
    assert gone in page.text
    assert gone not in found.text
    assert kept in found.text
    assert not re.search(r"\b(None|nan|undefined)\b", found.text)


def test_maps_and_a_bare_manifest_are_enough(write_run_folder, tmp_path, read_page):
    folder = write_run_folder(tmp_path / "run", zones=False, tables=False, intervals=False, change=False)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    page = read_page(write_page(folder))
    assert "POML" in page.text
    assert "How to cite" in page.text


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_folder_without_a_manifest_is_refused_with_what_to_do(write_run_folder, tmp_path, text):
    folder = write_run_folder(tmp_path / "run", zones=False, tables=False)
    (folder / "manifest.json").unlink()
    if text is not None:
        (folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: found .*poml-map run"):
        write_page(folder)
    assert not (folder / "report.html").exists()


def test_a_folder_without_maps_is_refused(write_run_folder, tmp_path):
    folder = write_run_folder(
        tmp_path / "run", models=[], intervals=False, change=False, zones=False, tables=False
    )
    with pytest.raises(InputError, match="no annual map"):
        write_page(folder)


def test_synthetic_and_stand_in_stand_at_the_top(page_of):
    page = page_of(notes=["Stand-in: clay of elsewhere"])
    before = page.text.split("The map")[0]
    assert "Synthetic data." in before
    assert "Stand-in: clay of elsewhere" in before


def test_without_a_validation_the_page_names_the_commands(page):
    assert "poml-map validate region.yaml --out RUN/validation" in page.text
    assert "poml-map report RUN" in page.text


def _validated(write_run_folder, folder, facts, before=""):
    """Page folder of a run with a validation whose `validation.json` says `facts`."""
    folder = write_run_folder(folder)
    (folder / "validation").mkdir()
    curve = {
        "time_weight": "constant",
        "w_p": [0.0, 0.5, 1.0],
        "rmse": [0.4444, 0.4, 0.5],
        "rmse_change": 0.3,
        "ccc": 0.7,
    }
    pd.DataFrame(curve).to_csv(folder / "validation" / "w_p_curve.csv", index=False)
    words = f"# V\n{before}\n## In short\n- **ML** is nearer.\n## B\n"
    (folder / "validation" / "validation.md").write_text(words, encoding="utf-8")
    (folder / "validation" / "validation.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def test_a_validation_in_the_folder_gives_its_curve_and_its_answers(write_run_folder, tmp_path, read_page):
    facts = {"input_digest": "0123456789abcdef", "unit": "kg/m2", "plan": {"maps": True}}
    page = read_page(write_page(_validated(write_run_folder, tmp_path / "run", facts)))
    assert "RMSE of the stock" in page.text
    assert "0.444" in page.text
    assert "ML is nearer." in page.text
    assert "quick look" not in page.text
    assert "poml-map validate" not in page.text


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"input_digest": "f00", "unit": "kg/m2"}, "from other inputs than the maps (digest f00, of the run 0123"),
        ({}, "from other inputs than the maps (digest unknown"),
        ({"input_digest": "0123456789abcdef", "unit": "t/ha"}, "in another unit than the maps (t/ha, of the run kg"),
    ],
)  # fmt: skip
def test_a_validation_of_something_else_is_left_out_with_the_reason(
    write_run_folder, tmp_path, read_page, facts, why
):
    page = read_page(write_page(_validated(write_run_folder, tmp_path / "run", facts)))
    assert why in page.text
    assert "left out" in page.text
    assert "ML is nearer." not in page.text
    assert "RMSE of the stock" not in page.text


@pytest.mark.parametrize(("plan", "before"), [({"maps": False}, ""), ({}, "> **A quick look: 50 trees.**")])
def test_a_quick_validation_is_called_a_quick_look(write_run_folder, tmp_path, read_page, plan, before):
    facts = {"input_digest": "0123456789abcdef", "unit": "kg/m2", "plan": plan}
    page = read_page(write_page(_validated(write_run_folder, tmp_path / "run", facts, before)))
    assert "A quick look: fewer trees" in page.text
    assert page.text.count("A quick look") == 2, "at the answers and at the curve"


def _facts_of(page):
    """Value and small text of each of the few numbers at the top."""
    boxes = re.findall(r'<div><dt>(.*?)</dt><dd class="value">(.*?)</dd><dd>(.*?)</dd></div>', page.source)
    return {name: (value, words.replace("\N{NO-BREAK SPACE}", " ")) for name, value, words in boxes}


def test_a_number_at_the_top_is_the_corrected_one_and_lies_in_its_interval(page):
    mean = pd.read_csv(page.path.parent / "zones.csv").query(
        "zone != zone and model == 'POML' and year == 2003"
    )
    mean = float(mean["mean"].iloc[0])
    facts = _facts_of(page)

    value, words = facts["Mean stock 2003"]
    assert value == f"{mean + 0.02:.3f}"
    assert (
        f"90 % interval of the true mean {mean - 0.1:.3f} to {mean + 0.1:.3f}; on the map {mean:.3f}" in words
    )
    value, words = facts["Change since 2000"]
    assert value == "+0.220"
    assert "90 % interval of the true mean +0.100 to +0.300; on the map +0.1" in words


def _change_table(folder, edit):
    """Change a run's table of changes in place."""
    path = folder / "zone_changes.csv"
    table = pd.read_csv(path, keep_default_na=False, dtype={"zone": str})
    edit(table)
    table.to_csv(path, index=False)


_LIMITS = ["change_adjusted", "change_low", "change_high", "total_change_kt_adjusted"]


def _manifest(folder, **content):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | content), encoding="utf-8")


def test_of_one_campaign_the_page_says_why_there_are_no_limits_and_what_ml_shows(
    write_run_folder, tmp_path, read_page, page
):
    folder = write_run_folder(tmp_path / "run")
    campaign = {"n_used": 4, "n_sites": 4, "samples_by_year": {"2000": 4}}
    _manifest(folder, samples=campaign, lost_change="POML does not show the assumed change: ...")

    def without(table):
        table[_LIMITS] = np.nan

    _change_table(folder, without)
    found = read_page(write_page(folder))

    assert "No site was sampled twice" in found.text
    assert "POML does not show the assumed change" in found.text
    assert "change in all, on the map [kt C]" in found.text
    assert "etectable” tells" not in found.text
    assert "interval" not in _facts_of(found)["Change since 2000"][1]
    assert found.text.count("ML learned from one campaign") == 2, "beside the models and at the trend"
    for words in ("sampled twice", "ML learned from one campaign"):
        assert words not in page.text


def _zone_rows(page):
    """Cells of the table of zones."""
    table = page.source.split('id="zones"')[1].split("<tbody>")[1].split("</tbody>")[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("</tr>")[:-1]]


def test_totals_that_no_site_corrects_are_marked_and_explained(write_run_folder, tmp_path, read_page, page):
    folder = write_run_folder(tmp_path / "run")

    def without(table):
        table.loc[table["zone"] == "03", _LIMITS] = np.nan
        table.loc[table["zone"] == "03", "n_sites"] = 0

    _change_table(folder, without)
    found = read_page(write_page(folder))

    rows = {row[0]: row[-3:] for row in _zone_rows(found)}
    assert rows["Chunxi"] == ["–", "–", "+18.0 †"]
    assert rows["Anhe"] == ["+0.220 (+0.100 to +0.300)", "gain", "+19.8"]
    assert "† On the map, not corrected. No site lies in Chunxi." in found.text
    assert "†" not in page.text

    _manifest(folder, areas={"level": 0.8, "notes": ["no limits for zones without a site: Chunxi"]})
    found = read_page(write_page(folder))
    assert "† On the map, not corrected. No limits for zones without a site: Chunxi." in found.text
    assert "80 % interval of the true mean" in found.text


def test_a_unit_is_never_broken_in_the_head_of_a_table(page):
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*\[[^<]*)</th>", page.source)
    assert len(heads) > 3
    assert not [head for head in heads if " " in head[head.index("[") :]]


def test_products_in_code_are_written_as_they_are():
    words = "`a*b*c` and a*b*c, ``x*y `` and *stress*"
    assert as_html(words, Path(), "") == (
        "<p><code>a*b*c</code> and a*b*c, <code>x*y </code> and <em>stress</em></p>\n"
    )


def test_with_one_year_nothing_is_said_of_changing_it(page, page_of):
    assert "Page Up" in page.source.split("<script")[0]
    assert not re.search("Page Up|Play", page_of(years=[2000]).source.split("<script")[0])


def test_tables_give_scores_drivers_zones_and_importance(page):
    for words in (
        "RMSE [kg C m⁻²]",
        "Mean annual air temperature [°C]",
        "+0.100 to +0.300",
        "CLAY clay content",
        "70.0 %",
    ):
        assert words in page.text


def test_words_of_the_report_are_taken_over(page):
    for words in (
        "1 row left out: depth",
        "Random folds.",
        "Set spinup.",
        "a*b*c jumps.",
        "RMSE and ME in kg C m⁻².",
    ):
        assert words in page.text


def test_sections_that_the_page_takes_over_are_those_that_a_run_writes():
    source = (Path(poml_map.__file__).parent / "pipeline" / "report.py").read_text(encoding="utf-8")
    assert [
        name for name in (*REPORT_SECTIONS, "Accuracy at held-out sites") if f'"## {name}"' not in source
    ] == []


def test_the_same_run_gives_the_same_bytes(run, page):
    assert write_page(run).read_text(encoding="utf-8") == page.source


def test_every_table_has_a_caption_and_every_picture_words(page):
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("alt") for tag, attributes in page.elements if tag == "img")
    named = [a for tag, a in page.elements if tag == "svg"]
    assert all(
        a.get("aria-label") or a.get("aria-hidden") == "true" or "preserveaspectratio" in a for a in named
    )
