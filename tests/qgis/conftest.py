"""QGIS without a window."""

import json
import os
import subprocess
from pathlib import Path

import pytest

# Of Debian's and Ubuntu's packages: the environment's own Python cannot import them.
_PYTHON = Path("/usr/bin/python3")
_SCRIPT = Path(__file__).with_name("open_project.py")
collect_ignore = [_SCRIPT.name]  # it is for the Python of QGIS


@pytest.fixture(scope="session")
def open_project(tmp_path_factory):
    """Opens the project of a run folder; what QGIS found, with the folder of its pictures as `out`."""
    have = (
        _PYTHON.exists()
        and not subprocess.run(
            [_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False
        ).returncode
    )
    if not have:
        pytest.skip("no QGIS for /usr/bin/python3: `make test-qgis` installs it")

    def look(folder, themes=(), **environment):
        out = tmp_path_factory.mktemp("qgis_out")
        settings = {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(out), "HOME": str(out)}
        command = [_PYTHON, _SCRIPT, folder / "qgis" / "region.qgz", out, *themes]
        done = subprocess.run(
            command, env=_clean(os.environ) | settings | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads((out / "found.json").read_text(encoding="utf-8")) | {"out": out}

    return look


def _clean(environment):
    """Without what would lead QGIS to the libraries and data of another installation."""
    return {
        name: text for name, text in environment.items() if not name.startswith(("PYTHON", "GDAL", "PROJ"))
    }
