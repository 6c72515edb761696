"""All YAML on the pages is read by the program: whole files as they are, sections laid over the demo's files."""

import shutil

import pytest
import yaml

from poml_map.batch.plan import make_plan
from poml_map.catalog import load_catalog
from poml_map.config import load_region
from tests.docs.blocks import ROOT, all_blocks

# A piece that edits a file is read where the commands of its page run, in test_snippets.
SHOWN = [block for block in all_blocks("yaml") if "not run" not in block.marks and not block.mark("edits")]


def _kind(data):
    """What a piece of YAML is, by the keys at its left margin."""
    if "template" in data:
        return "batch"
    if "weather" in data:
        return "site"
    if isinstance(data.get("sources"), dict):
        return "catalog" if "version" in data else "entries"
    return "region" if "grid" in data else "section"


def _of(kind):
    return [block for block in SHOWN if _kind(yaml.safe_load(block.text)) == kind]


@pytest.fixture
def folder(demo, tmp_path):
    """The demo's settings, and a catalog that has besides its entries those of the pages."""
    shutil.copy(demo / "region.yaml", tmp_path)
    catalog = yaml.safe_load((ROOT / "data_catalog.yaml").read_text(encoding="utf-8"))
    catalog["sources"] |= yaml.safe_load((demo / "data_catalog.yaml").read_text(encoding="utf-8"))["sources"]
    for block in _of("entries"):
        catalog["sources"] |= yaml.safe_load(block.text)["sources"]
    (tmp_path / "data_catalog.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    return tmp_path


def _load(folder, settings):
    (folder / "shown.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return load_region(folder / "shown.yaml")


@pytest.mark.parametrize("block", _of("region"), ids=str)
def test_a_region_file_that_is_shown_is_accepted(block, folder):
    settings = yaml.safe_load(block.text)
    settings["sources"] = sorted({*settings["sources"], "bulk_density", "coarse_fragments"})
    assert _load(folder, settings).years[0] == 1980


@pytest.mark.parametrize("block", _of("section"), ids=str)
def test_a_section_of_a_region_file_that_is_shown_is_accepted_with_its_sources(block, folder):
    section = yaml.safe_load(block.text)
    region = yaml.safe_load((folder / "region.yaml").read_text(encoding="utf-8"))
    if "NPP" in str(section):
        region["sources"] = sorted({*region["sources"], "production", "manure", "land_use"})
    settings = _load(folder, region | section).settings
    for key in section:
        assert key in settings.model_fields_set


def test_options_of_the_process_model_that_are_shown_read_their_columns(folder):
    (block,) = [block for block in _of("section") if "crop_calendar" in block.text]
    region = yaml.safe_load((folder / "region.yaml").read_text(encoding="utf-8"))
    region["sources"] = sorted({*region["sources"], "production", "manure", "land_use"})
    settings = _load(folder, region | yaml.safe_load(block.text)).settings
    assert settings.rothc.columns() == ("NPP", "LAND_USE", "MANURE")


@pytest.mark.parametrize("block", _of("catalog"), ids=str)
def test_a_catalog_that_is_shown_is_accepted(block, tmp_path):
    (tmp_path / "catalog.yaml").write_text(block.text, encoding="utf-8")
    names = list(yaml.safe_load(block.text)["sources"])
    assert list(load_catalog(tmp_path / "catalog.yaml", "catalog.yaml", names)) == names


@pytest.mark.parametrize("block", _of("entries"), ids=str)
def test_entries_that_are_shown_are_accepted(block, folder):
    names = list(yaml.safe_load(block.text)["sources"])
    assert set(names) <= set(load_catalog(folder / "data_catalog.yaml", "data_catalog.yaml", names))


@pytest.mark.parametrize("block", _of("batch"), ids=str)
def test_a_batch_file_that_is_shown_is_accepted(block, folder):
    template = yaml.safe_load(block.text)["template"]
    shutil.copy(folder / "region.yaml", folder / template)
    (folder / "counties.yaml").write_text(block.text, encoding="utf-8")
    assert [region.name for region in make_plan([folder / "counties.yaml"]).regions] == ["west", "east"]


def test_pages_show_yaml_of_every_kind():
    """Site files are read where their command runs, in test_snippets."""
    assert {
        kind: len(_of(kind)) > 0 for kind in ("region", "section", "catalog", "entries", "batch", "site")
    } == (dict.fromkeys(("region", "section", "catalog", "entries", "batch", "site"), True))
