"""Every command and every piece of Python on the pages runs, in order, in a folder like the reader's."""

import os
import re

import pytest

from poml_map import cli
from tests.docs.blocks import ROOT, all_blocks, blocks, pages

RUN = "console", "python"


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


def _run(page, slow):
    """Run the blocks of a page; without `slow` those that are not marked so."""
    names = {}
    for block in blocks(page, *RUN):
        if "not run" in block.marks or ("slow" in block.marks and not slow):
            continue
        if block.language == "python":
            names = names if "continues" in block.marks else {"__name__": "__main__"}
            exec(compile(block.text, str(block), "exec"), names)
            continue
        for words in block.commands():
            assert _command(words) == 0, f"{block}: {' '.join(words)}"


def _command(words):
    """Exit code of a command; the demo is the tiny one, so that pages can be read in seconds."""
    assert words[0] == "poml-map", words
    if words[1] == "demo" and "--size" not in words:
        words = [*words, "--size", "tiny"]
    with pytest.raises(SystemExit) as stop:
        cli.main(words[1:])
    return stop.value.code or 0


@pytest.mark.parametrize("page", _with(marked=False), ids=_name)
def test_what_a_page_shows_runs(page, place):
    place(page)
    _run(page, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", _with(marked=True), ids=_name)
def test_what_a_page_shows_runs_with_what_takes_longer(page, place):
    place(page)
    _run(page, slow=True)


def test_what_is_not_run_says_why():
    marked = [block for block in all_blocks(*RUN, "yaml") if "not run" in block.marks]
    assert [str(block) for block in marked if len(block.reason) < 8] == []
    # A short list, so that nobody marks a block because it does not work.
    assert sorted(block.page for block in marked) == NOT_RUN


NOT_RUN = []


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
