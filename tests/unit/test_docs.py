"""What README and docs tell of names, options and events is what the program has; `tests/docs` runs what they show."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


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
