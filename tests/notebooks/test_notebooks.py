"""Every notebook runs from top to bottom on the tiny demo region, uses public names alone and has no outputs."""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import poml_map

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
#: Read in five minutes: words of text and lines of code.
MOST_WORDS, MOST_LINES = 420, 110


def _cells(path, kind):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def _write_demo(folder):
    """The demo region with as many trees and draws as a look at pictures needs."""
    region, *_ = poml_map.write_demo(folder / "demo", size="tiny", intervals=True)
    text = region.read_text(encoding="utf-8")
    few = text.replace("n_trees: 200", "n_trees: 10")
    few = few.replace("{level: 0.9}", "{level: 0.9, draws: 5, folds: 5}")
    assert few.count("n_trees: 10,") == few.count("draws: 5") == 1
    region.write_text(few, encoding="utf-8")


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Outputs of the cells of each notebook, by its name.

    All run on one demo region in one process, so that imports and compiled code are loaded once; each begins with no
    variables.
    """
    folder = tmp_path_factory.mktemp("notebooks")
    _write_demo(folder)
    cells, owners = [], []
    for path in NOTEBOOKS:
        own = [nbformat.v4.new_code_cell("%reset -f"), *nbformat.read(path, as_version=4).cells]
        cells += own
        owners += [path.stem] * len(own)
    notebook = nbformat.v4.new_notebook(cells=[{**cell, "id": f"c{at}"} for at, cell in enumerate(cells)])
    notebook.cells = [nbformat.from_dict(cell) for cell in notebook.cells]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POML_MAP_NOTEBOOKS", str(folder))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        where = {"metadata": {"path": str(FOLDER)}}
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", allow_errors=True, resources=where
        ).execute()
    found = {path.stem: [] for path in NOTEBOOKS}
    for owner, cell in zip(owners, notebook.cells, strict=True):
        found[owner] += cell.get("outputs", [])
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [cell for cell in cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_read_in_five_minutes(path):
    assert len(re.findall(r"\w+", " ".join(_cells(path, "markdown")))) <= MOST_WORDS
    assert sum(len(code.splitlines()) for code in _cells(path, "code")) <= MOST_LINES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_uses_public_names_alone(path):
    """`import poml_map` and then `poml_map.NAME`: nothing from inside the package."""
    tree = ast.parse("\n".join(_cells(path, "code")))
    imported = [
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    ] + [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "poml_map"
    }
    assert [name for name in imported if name.split(".")[0] == "poml_map"] == ["poml_map"]
    assert used <= set(poml_map.__all__)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_notebook_runs_and_shows_what_it_says(path, outputs):
    """Warnings of Jupyter's own machinery are not ours; a cell that raises or warns fails the test."""
    found = outputs[path.stem]
    assert not ["\n".join(out["traceback"]) for out in found if out["output_type"] == "error"]
    assert not [out["text"] for out in found if "Warning: " in out.get("text", "")]
    pictures = [out for out in found if {"image/png", "image/gif"} & set(out.get("data", {}))]
    titles = sum(code.count("fig.suptitle(") + code.count("Image(") for code in _cells(path, "code"))
    assert len(pictures) >= max(titles, 1)
