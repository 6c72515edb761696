"""The site builds without a warning, every link in it leads somewhere, and it asks no server."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.blocks import ROOT, pages

sphinx = pytest.importorskip("sphinx", reason="the extra `docs` is not installed")


class _Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids, self.links, self.loads = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids |= {value for key, value in attrs if key in ("id", "name") and value}
        self.links += [values["href"]] if tag == "a" and "href" in values else []
        self.loads += [values["src"]] if "src" in values else []
        self.loads += (
            [values["href"]] if tag == "link" and values.get("rel") in ("stylesheet", "icon") else []
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the built site, and what Sphinx warned of."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    folder = tmp_path_factory.mktemp("site")
    log = folder / "warnings.txt"
    conf = ROOT / "docs"
    with patch_docutils(str(conf)), docutils_namespace(), log.open("w") as warnings:
        app = Sphinx(ROOT, conf, folder / "html", folder / "doctrees", "html", status=None, warning=warnings)
        app.build()
    return folder / "html", log.read_text(encoding="utf-8")


# Deprecations inside Sphinx's own extensions are no fault of a page.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")]


def test_the_site_builds_without_a_warning(site):
    assert site[1] == ""


def test_every_link_and_picture_is_there_with_its_anchor(site):
    html = site[0]
    read = {path: _Page(path) for path in html.rglob("*.html")}
    assert len(read) > 35
    dead = []
    for path, page in read.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//"):
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = goal.is_file() and (
                not parts.fragment or goal not in read or unquote(parts.fragment) in read[goal].ids
            )
            dead += [] if known else [f"{path.relative_to(html)}: {link}"]
    assert dead == []


def test_nothing_is_loaded_from_elsewhere(site):
    html = site[0]
    loads = [(p.name, load) for p in html.rglob("*.html") for load in _Page(p).loads if urlsplit(load).netloc]
    assert loads == []
    styles = [
        path.name for path in html.rglob("*.css") if re.search(r"(url\(|@import)\W*https?:", path.read_text())
    ]
    assert styles == []
    assert (html / "searchindex.js").stat().st_size > 20_000


def test_links_out_are_well_formed(site):
    links = {link for path in site[0].rglob("*.html") for link in _Page(path).links if urlsplit(link).scheme}
    wrong = [
        link
        for link in links
        if not re.fullmatch(r"(https?://[\w.-]+\.\w+(/[^\s<>\"]*)?|mailto:\S+)(#\S*)?", link)
    ]
    assert wrong == []
    assert len(links) > 10


def test_every_page_is_in_the_navigation(site):
    """docs/index.md is the one list: a page that it does not name is not found by a reader of the site."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    names = [page.relative_to(ROOT).as_posix() for page in pages() if page.name != "index.md"]
    wanted = {name.removeprefix("docs/") if name.startswith("docs/") else f"../{name}" for name in names} - {
        "../README.md"
    }
    assert sorted(name for name in wanted if f"({name})" not in index) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_to_files_lead_somewhere_on_the_forge_too(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if ":" not in target and not (page.parent / target).exists()]
    assert missing == []
