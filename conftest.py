"""What tests and the examples of docstrings share."""

import os

import pytest


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    """Lets one worker build what tests in several files only read: `built_once(name, build)`, the folder of all.

    `build(folder)` fills an empty folder; who comes later, or waits meanwhile, finds it filled.
    """
    import portalocker  # not there where the forest alone is tested, on its oldest libraries

    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name, build):
        folder, done = base / name, base / f"{name}.done"
        with portalocker.Lock(base / f"{name}.lock", timeout=600):
            if not done.exists():
                folder.mkdir()
                build(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(autouse=True)
def _demo_of_examples(request):
    """Examples in docstrings that name the folder `demo` find a tiny demo region there."""
    if not isinstance(request.node, pytest.DoctestItem) or "demo/" not in request.node.dtest.docstring:
        return
    from poml_map.demo import write_demo

    built_once = request.getfixturevalue("built_once")
    folder = built_once("e2e-demo", lambda folder: write_demo(folder / "demo", size="tiny"))
    request.getfixturevalue("monkeypatch").chdir(folder)
