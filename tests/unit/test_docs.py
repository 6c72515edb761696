"""What README and docs show is read by the program, links lead somewhere, and the table is one that was printed."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from poml_map import settings_rothc
from poml_map.catalog import Role, load_catalog
from poml_map.config import load_region

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def _regions() -> list[str]:
    texts = [text for page in PAGES for text in _blocks(page, "yaml")]
    return [text for text in texts if "grid:" in text]


@pytest.mark.parametrize("text", _regions(), ids=lambda text: text.splitlines()[0])
def test_a_region_file_that_is_shown_is_accepted(text, tmp_path):
    (tmp_path / "data_catalog.yaml").write_bytes((ROOT / "data_catalog.yaml").read_bytes())
    settings = yaml.safe_load(text)
    settings["sources"] = sorted({*settings["sources"], "bulk_density", "coarse_fragments"})
    (tmp_path / "region.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert load_region(tmp_path / "region.yaml").years[0] == 1980


def test_a_catalog_that_is_shown_is_accepted(tmp_path):
    (text,) = [text for page in PAGES for text in _blocks(page, "yaml") if text.startswith("version")]
    (tmp_path / "catalog.yaml").write_text(text, encoding="utf-8")
    assert set(load_catalog(tmp_path / "catalog.yaml", "catalog.yaml", ["dem", "temperature"])) == {
        "dem",
        "temperature",
    }


def _own_data() -> str:
    return (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")


def test_options_of_the_process_model_that_are_shown_are_accepted_with_their_sources(tmp_path):
    blocks = {text.split(":")[0]: text for text in _blocks(ROOT / "docs" / "own-data.md", "yaml")}
    region, catalog = yaml.safe_load(blocks["name"]), yaml.safe_load((ROOT / "data_catalog.yaml").read_text())
    more = yaml.safe_load(blocks["sources"])["sources"]
    region |= yaml.safe_load(blocks["rothc"])
    region["sources"] += ["bulk_density", "coarse_fragments", "dem", *more]
    region["sources"] = sorted(set(region["sources"]))
    catalog["sources"] |= more
    (tmp_path / "data_catalog.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    (tmp_path / "region.yaml").write_text(yaml.safe_dump(region), encoding="utf-8")
    assert load_region(tmp_path / "region.yaml").settings.rothc.columns() == ("NPP", "LAND_USE", "MANURE")


@pytest.mark.parametrize("model", [settings_rothc.RothC, settings_rothc.Crop, settings_rothc.RatioByClass])
def test_every_option_of_the_process_model_is_explained(model):
    missing = [name for name in model.model_fields if not re.search(rf"`{name}`|\b{name}: ", _own_data())]
    assert missing == []


def test_every_role_is_explained():
    assert [role for role in get_args(Role) if f"`{role}`" not in _own_data()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_that_is_shown_uses_public_names(page):
    import poml_map

    for text in _blocks(page, "python"):
        for name in re.findall(r"poml_map\.(\w+)", text):
            assert name in poml_map.__all__, name


def test_readme_shows_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text
    assert "make test" in text


def test_every_function_of_the_process_page_exists():
    """Backticked names in the columns of functions, and nothing on the page that RothC does not export."""
    from poml_map import rothc

    page = (ROOT / "docs" / "rothc.md").read_text(encoding="utf-8")
    tables = [line.split("|") for line in page.splitlines() if line.startswith("| ") and "`" in line]
    named = {name for cells in tables for cell in cells[3:] for name in re.findall(r"`([a-z_]+)`", cell)}
    assert len(named & set(rothc.__all__)) >= 25
    assert {name for name in named if name not in rothc.__all__ and "_" in name} <= {
        "input_months",
        "cover_ndvi",
        "sampling_month",
    }


def _batch() -> str:
    return (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")


def test_the_batch_file_that_is_shown_is_accepted(tmp_path):
    from poml_map.batch.plan import make_plan

    (text,) = _blocks(ROOT / "docs" / "batch.md", "yaml")
    (region,) = [each for each in _regions() if each.startswith("# my-region.yaml")]
    (tmp_path / "province.yaml").write_text(region, encoding="utf-8")
    (tmp_path / "data_catalog.yaml").write_bytes((ROOT / "data_catalog.yaml").read_bytes())
    (tmp_path / "counties.yaml").write_text(text, encoding="utf-8")
    assert [region.name for region in make_plan([tmp_path / "counties.yaml"]).regions] == ["west", "east"]


def test_every_option_of_a_batch_is_explained_and_no_other():
    from typer.main import get_command

    from poml_map.cli import app

    options = {
        name for option in get_command(app).commands["batch"].params for name in option.opts if "--" in name
    }
    named = set(re.findall(r"--[a-z][a-z-]+", _batch()))
    assert named == options - {"--years"} | {"--model"}


def test_every_event_of_a_batch_is_explained():
    tell = re.compile(r'(?:_tell|reporter)\("(\w+)"|"(postponed)"|"(finished)"')
    sources = (ROOT / "poml_map" / "batch").glob("*.py")
    events = {
        name
        for path in sources
        for found in tell.findall(path.read_text(encoding="utf-8"))
        for name in found
        if name
    }
    assert events >= {"planned", "overall", "end"}
    assert [event for event in events if f"`{event}`" not in _batch()] == []
