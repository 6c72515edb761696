"""Every command and every piece of Python on the pages runs, in order, in a folder like the reader's."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from poml_map import cli
from poml_map.demo.sizes import SIZES
from tests.docs.blocks import ROOT, all_blocks, blocks, pages
from tests.published.server import PublishedServer
from tests.published.write import write_published

# What odc-stac does inside with a new affine and a new shapely.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Use `@` matmul:PendingDeprecationWarning", "ignore:The 'shapely.ops:DeprecationWarning"
)

RUN = "console", "python"
SOURCES = [
    "copernicus_dem_90m", "terraclimate_tmp", "terraclimate_ppt", "terraclimate_pet", "pku_gimms_ndvi",
    "soilgrids_clay", "soilgrids_bulk_density", "soilgrids_coarse_fragments", "worldcover_cropland",
]  # fmt: skip


def _with(marked: bool):
    """Pages that have something to run; with `marked`, only those that have slow blocks."""
    chosen = []
    for page in pages():
        marks = [block.marks for block in blocks(page, *RUN) if "not run" not in block.marks]
        if any("slow" in each for each in marks) if marked else any("slow" not in each for each in marks):
            chosen.append(page)
    return chosen


def _name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def mirror(request, tmp_path):
    """Address of a server that has small files of the published sources of the demo's place, as they are published."""
    if "slow" not in request.node.keywords:
        yield ""
        return
    write_published(tmp_path / "published", SIZES["tiny"].bounds, range(1960, 2001), SOURCES)
    with PublishedServer(tmp_path / "published") as server:
        yield server.url


def _run(page, slow, mirror=""):
    """Run the blocks of a page; without `slow` those that are not marked so."""
    names = {}
    for block in blocks(page, *RUN, "yaml"):
        if "not run" in block.marks or ("slow" in block.marks and not slow):
            continue
        if block.language == "yaml":
            _edit(block)
        elif block.language == "python":
            names = names if "continues" in block.marks else {"__name__": "__main__"}
            exec(compile(block.text, str(block), "exec"), names)
        else:
            for words in block.commands():
                assert _command(words, mirror) == int(block.mark("exits") or 0), f"{block}: {' '.join(words)}"


def _edit(block):
    """What the reader writes into a file that an earlier command made."""
    if file := block.mark("edits"):
        path = Path(file)
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) | yaml.safe_load(block.text)
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")


def _command(words, mirror):
    """Exit code of a command; the demo is the tiny one, and what servers have comes from a loopback."""
    assert words[0] == "poml-map", words
    if words[1] == "demo" and "--size" not in words:
        words = [*words, "--size", "tiny"]
    if words[1] == "fetch":
        words = [*words, "--mirror", mirror, "--cache", "cache"]
    with pytest.raises(SystemExit) as stop:
        cli.main(words[1:])
    return stop.value.code or 0


@pytest.mark.parametrize("page", _with(marked=False), ids=_name)
def test_what_a_page_shows_runs(page, place):
    place(page)
    _run(page, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", _with(marked=True), ids=_name)
def test_what_a_page_shows_runs_with_what_takes_longer(page, place, mirror):
    place(page)
    _run(page, slow=True, mirror=mirror)


def test_no_block_hides_from_being_run():
    """Every block says its language, and a console shows commands: a block without either would never be looked at."""
    lines = [line.strip() for page in pages() for line in page.read_text(encoding="utf-8").splitlines()]
    opened = [line for line in lines if line.startswith("```") and line != "```"]
    assert {line[3:] for line in opened} <= {"console", "python", "yaml", "text"}
    assert len(opened) == lines.count("```") == len(all_blocks())
    assert [str(block) for block in all_blocks("console") if not block.commands()] == []


def test_what_is_not_run_says_why():
    marked = [block for block in all_blocks(*RUN, "yaml") if "not run" in block.marks]
    assert [str(block) for block in marked if len(block.reason) < 8] == []
    # A short list, so that nobody marks a block because it does not work.
    assert Counter(block.page for block in marked) == NOT_RUN


#: Page -> blocks that no test runs: the whole demo, minutes of validation, clusters, and what another page runs.
NOT_RUN = {
    "README.md": 4, "docs/cluster.md": 4, "docs/fetch.md": 2, "docs/quickstart.md": 1,
    "docs/validation.md": 1, "docs/weights.md": 1, "examples/highfield/README.md": 1, "examples/xuancheng/README.md": 1,
}  # fmt: skip


def test_commands_of_the_makefile_that_are_shown_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {words[1] for block in all_blocks("console") for words in block.commands() if words[0] == "make"}
    named = {
        word
        for page in pages()
        for word in re.findall(r"`make ([a-z-]+)[^`]*`", page.read_text(encoding="utf-8"))
    }
    assert shown | named <= targets
    assert {"demo", "test", "docs"} <= shown | named


def test_scripts_that_are_shown_exist():
    found = {
        script
        for page in pages()
        for script in re.findall(r"python ((?:[\w-]+/)+\w+\.py)", page.read_text(encoding="utf-8"))
    }
    assert [script for script in sorted(found) if not os.path.exists(ROOT / script)] == []
    assert len(found) > 3
