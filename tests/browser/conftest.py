"""A browser without a window, and a page of a small run opened in it from disk."""

import json
import shutil
import time
from types import SimpleNamespace

import pytest

from poml_map.products.page import write_page

#: A name that would run if it were taken for anything but text.
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
_FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--window-size=1280,900",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium by selenium; skipped where one of the two is missing."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium and chromedriver: `make test-browser` installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield found
    found.quit()


@pytest.fixture(scope="session")
def run(write_run_folder, tmp_path_factory):
    """A run with everything, and a zone whose name is hostile."""
    folder = write_run_folder(
        tmp_path_factory.mktemp("page") / "run", title=f"Region {HOSTILE}", names=("Anhe", HOSTILE, "Chunxi")
    )
    write_page(folder)
    return folder


@pytest.fixture
def opened(browser, run, open_page):
    """The page, freshly opened, with what a test needs to look at it and to touch it."""
    return open_page(browser, run / "report.html")


@pytest.fixture(scope="session")
def open_page():
    """Opens a page from disk and waits until its map is drawn."""
    return _open


def _open(browser, path):
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri())
    _wait(lambda: browser.execute_script("return document.documentElement.dataset.ready === 'yes'"))
    return SimpleNamespace(
        browser=browser,
        run=browser.execute_script,
        text=lambda place: browser.execute_script(
            "return document.getElementById(arguments[0]).textContent", place
        ),
        picture=lambda: browser.execute_script("return document.getElementById('canvas').toDataURL()"),
        events=lambda: [json.loads(each["message"])["message"] for each in browser.get_log("performance")],
        path=path,
    )


def _wait(true, seconds=20):
    """Until `true()`, or fail."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)
