"""The report page in a real browser: what is seen, touched and heard, and that nothing leaves it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("selenium")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from poml_map.products import map_name, read_map
from poml_map.products.page import write_page

pytestmark = pytest.mark.browser
YEARS = range(2000, 2004)


def _choose(opened, view):
    opened.run("document.querySelector(`input[value=${arguments[0]}]`).click()", view)


def _set_year(opened, year):
    opened.run(
        "const s = document.getElementById('year'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))",
        year - YEARS[0],
    )


def _click(opened, row, column, shape=(24, 30)):
    """Press on the middle of a pixel."""
    canvas = opened.browser.find_element("id", "canvas")
    opened.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    width, height = canvas.size["width"], canvas.size["height"]
    x, y = (column + 0.5) / shape[1] * width - width / 2, (row + 0.5) / shape[0] * height - height / 2
    ActionChains(opened.browser).move_to_element_with_offset(canvas, round(x), round(y)).click().perform()


def _file(run, layer, year):
    first = YEARS[0] if layer.startswith("CHANGE") else None
    return read_map(run / "maps" / map_name(layer, YEARS[-1] if first else year, first))


def _written(value, sign=""):
    return f"{value:{sign}.3f}".replace("-", "−")


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 17), (23, 29), (11, 20)])
@pytest.mark.parametrize("year", [2000, 2002])
def test_the_numbers_shown_are_those_of_the_geotiffs(opened, run, row, column, year):
    _set_year(opened, year)
    _click(opened, row, column)
    for model in ("POML", "ML", "PO"):
        _choose(opened, model)
        told = _written(_file(run, model, year)[row, column])
        assert opened.text("value") == told
        shown = opened.run(f"return document.querySelector('td[data-model={model}]').textContent")
        assert shown == told
        change = opened.run(f"return document.querySelector('td[data-change={model}]').textContent")
        assert change == _written(_file(run, f"CHANGE_{model}", year)[row, column], "+")
    _choose(opened, "POML")
    low, high = (_file(run, name, year)[row, column] for name in ("POML_q05", "POML_q95"))
    assert opened.text("limits") == f"90 % interval {_written(low)} to {_written(high)}"
    _choose(opened, "width")
    width = round(float(high), 3) - round(float(low), 3)
    assert opened.text("value") == _written(width)


def test_the_table_of_all_years_holds_every_map(opened, run):
    _click(opened, 5, 25)
    opened.run("document.getElementById('series').open = true")
    opened.run("return new Promise((done) => setTimeout(done, 100))")
    cells = opened.run(
        "return [...document.querySelectorAll('#series tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    layers = ["POML", "ML", "PO", "POML_q05", "POML_q95"]
    assert cells == [[str(y), *(_written(_file(run, layer, y)[5, 25]) for layer in layers)] for y in YEARS]


def test_the_slider_moves_year_and_picture(opened):
    last = opened.picture()
    slider = opened.browser.find_element("id", "year")
    slider.send_keys(Keys.HOME)
    assert opened.text("year-shown") == "2000"
    assert slider.get_attribute("aria-valuetext") == "2000"
    assert opened.picture() != last
    slider.send_keys(Keys.END)
    assert opened.picture() == last


def test_play_goes_through_the_years_and_stops(opened):
    button = opened.browser.find_element("id", "play")
    opened.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", button)
    button.click()
    assert button.text == "Pause"
    seen = opened.browser.execute_async_script(
        "const done = arguments[0], seen = new Set();"
        "const look = setInterval(() => seen.add(document.getElementById('year-shown').textContent), 50);"
        "setTimeout(() => { clearInterval(look); done([...seen].sort()); }, 2600);"
    )
    assert seen == [str(year) for year in YEARS]
    button.click()
    assert button.text == "Play"
    stopped = opened.text("year-shown")
    opened.browser.execute_async_script("setTimeout(arguments[0], 700)")
    assert opened.text("year-shown") == stopped


def test_every_view_has_a_picture_and_a_scale_of_its_own(opened):
    pictures, scales = set(), []
    for view in ("POML", "ML", "PO", "width", "change"):
        _choose(opened, view)
        pictures.add(opened.picture())
        scales.append(
            opened.run("return document.querySelector('div[data-scale]:not([hidden])').dataset.scale")
        )
    assert len(pictures) == 5
    assert scales == ["stock", "stock", "stock", "width", "change"]


def test_a_change_that_is_not_detectable_is_shown_and_told_so(opened, run):
    _choose(opened, "change")
    classes = _file(run, "CHANGE_POML_class", 2003)
    for number, word in ((0, "not detectable"), (1, "gain"), (-1, "loss")):
        row, column = np.argwhere(classes == number)[0]
        _click(opened, int(row), int(column))
        assert opened.text("limits").endswith(f"; {word}")
    assert "not detectable" in opened.run(
        "return document.querySelector('p.classes:not([hidden])').textContent"
    )


def test_the_change_of_another_model_can_be_chosen(opened, run):
    _click(opened, 5, 25)
    _choose(opened, "change")
    opened.run(
        "const s = document.getElementById('change-model'); s.value = 'PO'; s.dispatchEvent(new Event('change'))"
    )
    assert opened.text("value") == _written(_file(run, "CHANGE_PO", 2003)[5, 25], "+")


def test_arrow_keys_move_the_cursor_and_what_is_there_is_said(opened, run):
    _click(opened, 3, 12)
    canvas = opened.browser.find_element("id", "canvas")
    opened.run("arguments[0].focus()", canvas)
    canvas.send_keys(
        Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_DOWN
    )
    assert [canvas.get_attribute(f"data-{name}") for name in ("row", "column")] == ["4", "13"]
    assert _written(_file(run, "POML", 2003)[4, 13]) in opened.text("said")
    canvas.send_keys(Keys.SHIFT + Keys.ARROW_RIGHT)
    assert canvas.get_attribute("data-column") == "23"
    assert "Chunxi" in opened.text("said")
    canvas.send_keys(Keys.NULL, Keys.PAGE_DOWN)
    assert opened.text("year-shown") == "2002"
    assert _written(_file(run, "POML", 2002)[4, 23]) in opened.text("said")


def test_hovering_shows_a_place_and_leaving_brings_the_chosen_one_back(opened, run):
    _click(opened, 5, 25)
    chosen = opened.text("value")
    canvas = opened.browser.find_element("id", "canvas")
    ActionChains(opened.browser).move_to_element_with_offset(
        canvas, -canvas.size["width"] // 2 + 8, 0
    ).perform()
    assert opened.text("value") != chosen
    ActionChains(opened.browser).move_to_element(opened.browser.find_element("id", "map-title")).perform()
    assert opened.text("value") == chosen


def test_names_are_shown_as_they_are_written_and_do_not_run(opened):
    _click(opened, 3, 12)
    assert "<script>" in opened.text("place-title")
    assert "<script>" in opened.run("return document.querySelector('h1').textContent")
    assert opened.run("return window.hit") is None


def test_the_mean_of_the_zone_is_drawn_beside_the_place(opened):
    _click(opened, 5, 25)
    assert "Mean of Chunxi" in opened.text("zone-chart")
    assert opened.run("return document.querySelectorAll('#zone-chart path.line').length") == 3


def test_the_band_of_a_zone_has_a_middle_line_and_is_explained(opened):
    _click(opened, 5, 25)
    assert opened.run("return document.querySelectorAll('#zone-chart path.middle').length") == 1
    assert "90 % interval of the true mean, from the sites beside the map" in opened.text("zone-chart")
    assert "90 % prediction interval of a sample" in opened.text("pixel-chart")


def test_a_pixel_that_is_not_mapped_keeps_its_zone_and_shows_no_number(opened):
    _click(opened, 12, 9)
    assert opened.text("value") == "–"
    assert opened.text("value-of") == "not mapped"
    assert opened.text("place-title") == "Anhe"
    assert opened.text("said") == "Anhe, not mapped."
    assert "Mean of Anhe" in opened.text("zone-chart")


def test_outside_the_mapped_pixels_no_number_is_shown(browser, open_page, write_run_folder, tmp_path):
    folder = write_run_folder(tmp_path / "run", models=["ML"], intervals=False, zones=False, tables=False)
    opened = open_page(browser, write_page(folder))
    _click(opened, 12, 10)
    assert opened.text("value") == "–"
    assert "Outside" in opened.text("said")


def test_no_data_looks_like_its_key_in_every_view_and_not_like_a_change_of_none(opened):
    pattern = "return getComputedStyle(document.querySelector(arguments[0])).backgroundImage"
    for view in ("POML", "width", "change"):
        _choose(opened, view)
        assert opened.browser.find_element("css selector", ".ground .nodata").is_displayed()
    assert "gradient" in opened.run(pattern, "#canvas")
    assert opened.run(pattern, "#canvas") == opened.run(pattern, ".ground .nodata")


def test_play_looks_disabled_where_it_is(opened):
    seen = "return getComputedStyle(document.getElementById('play')).opacity"
    assert opened.run(seen) == "1"
    _choose(opened, "change")
    assert float(opened.run(seen)) < 0.6


def test_the_north_arrow_points_to_true_north(opened):
    turned = opened.run("return document.querySelector('.north g').getAttribute('transform')")
    assert turned == "rotate(1.6 14 22)"


def test_a_table_that_goes_on_has_a_shadow_at_its_edge(opened):
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    opened.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        table = opened.browser.find_element("css selector", "#zones .scroll")
        opened.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", table)
        image = np.asarray(Image.open(io.BytesIO(table.screenshot_as_png)).convert("L")).astype(int)
        caption = opened.browser.find_element("css selector", "#zones caption")
        assert caption.rect["x"] + caption.rect["width"] <= 360, "it is read without scrolling"
        rows = image[-60:-50] if image.shape[0] > 200 else image[5:15]
        assert rows[:, -2].min() < rows[:, -30].max() - 20
    finally:
        opened.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_leaves_the_page_and_the_console_stays_silent(opened):
    for view in ("width", "change", "ML"):
        _choose(opened, view)
    _click(opened, 5, 25)
    asked = [
        each["params"]["request"]["url"]
        for each in opened.events()
        if each["method"] == "Network.requestWillBeSent"
    ]
    assert opened.path.as_uri() in asked  # the log does hear requests
    assert [url for url in asked if url != opened.path.as_uri() and not url.startswith("data:")] == []
    assert opened.browser.get_log("browser") == []


def test_one_model_one_year_and_tonnes_are_enough(browser, open_page, write_run_folder, tmp_path):
    bare = {"intervals": False, "zones": False, "tables": False}
    folder = write_run_folder(tmp_path / "run", models=["ML"], years=[2003], unit="t/ha", **bare)
    opened = open_page(browser, write_page(folder))
    _click(opened, 5, 25)
    assert opened.text("value") == f"{_file(folder, 'ML', 2003)[5, 25]:.2f}"
    assert opened.run("return document.querySelectorAll('#year, #play, input[value=change]').length") == 0
    assert browser.get_log("browser") == []


def test_a_browser_that_cannot_unpack_gets_pictures_and_a_reason(browser, run):
    added = browser.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument", {"source": "delete globalThis.DecompressionStream"}
    )
    try:
        browser.get((run / "report.html").as_uri())
        assert browser.find_element("id", "cannot").is_displayed()
        assert browser.find_element("id", "stills").is_displayed()
        assert not browser.find_element("id", "live").is_displayed()
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_is_not_wider_than_the_screen(opened, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert opened.run("return document.documentElement.scrollWidth") <= width
        assert opened.run("return document.getElementById('canvas').clientWidth") > 0.55 * min(width, 1000)
    finally:
        opened.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_print_shows_pictures_and_tables_and_no_controls(opened):
    opened.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert opened.browser.find_element("id", "stills").is_displayed()
        assert opened.browser.find_element("css selector", "#zones table").is_displayed()
        for hidden in ("live", "year", "play"):
            assert not opened.browser.find_element("id", hidden).is_displayed()
    finally:
        opened.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    pdf = base64.b64decode(opened.browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")
