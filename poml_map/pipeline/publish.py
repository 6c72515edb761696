"""What is made from a finished run: for QGIS, for browsers, for other programs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from poml_map.errors import InputError, Problem, Problems
from poml_map.files import sha256_of_file, write_text_atomic
from poml_map.pipeline.lock import hold
from poml_map.pipeline.manifest import VALIDATION, to_json
from poml_map.pipeline.manifest import outputs as digests
from poml_map.products import refuse_foreign, write_fao, write_stac
from poml_map.products.page import write_page
from poml_map.products.qgis import write_qgis

_MANIFEST = "manifest.json"
# How the names of what is made here begin.
_MADE_HERE = ("report.html", "qgis/", "stac/", "fao/")


def publish(run: Path, profile: str) -> None:
    """Write `report.html`, `qgis/`, `stac/`, and with the profile ``fao`` also `fao/`.

    Parameters
    ----------
    run : Path
        Folder with maps, tables and manifest.
    profile : {"own", "fao"}

    Raises
    ------
    ResourceError
        If a file cannot be written.
    """
    if profile == "fao":
        write_fao(run)
    write_qgis(run)
    write_page(run)
    write_stac(run)


def keep_validation(out: Path, run: Path) -> None:
    """Take a validation that lies in the run's final folder along, so that the page can show it.

    Parameters
    ----------
    out : Path
        Final folder.
    run : Path
        Where the run is made.
    """
    if (out / VALIDATION).is_dir():
        shutil.copytree(out / VALIDATION, run / VALIDATION)


def report_run(run: str | Path) -> list[str]:
    """Make `report.html`, `qgis/`, `stac/` and, if the region asks for it, `fao/` again from a finished run.

    Nothing is computed again. A validation in the run's folder `validation/` comes into the page.

    Parameters
    ----------
    run : str or Path

    Returns
    -------
    list of str
        Lines for people.

    Raises
    ------
    InputError
        If it is no folder of a finished run, or a file of it is missing, damaged, or a map not its own.
    ResourceError
        If a file cannot be written, or a run is writing into the folder.
    """
    run = Path(run)
    path = run / _MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        profile, made = content["settings"]["profile"], dict(content["outputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        expected = "the folder of a finished run, with its manifest.json"
        mend = "Make it with `poml-map run region.yaml --out FOLDER`."
        raise InputError(Problem(str(run), "", _found(path, error), expected, mend)) from error
    refuse_foreign(run, made)
    with hold(run):
        _refuse_other_files(run, made)
        publish(run, profile)
        content["outputs"] = digests(run)
        write_text_atomic(path, to_json(content))
    made = ["report.html", "qgis/region.qgz", "stac/catalog.json", *(["fao/"] if profile == "fao" else [])]
    return [f"In {run}, made again from its maps and tables:", *(f"  {name}" for name in made)]


def _refuse_other_files(run: Path, outputs: dict[str, str]) -> None:
    """All files that pages are made from must be there as the run made them, and no other map beside them."""
    made = {name: digest for name, digest in outputs.items() if not name.startswith(_MADE_HERE)}
    there = {f"maps/{path.name}" for path in (run / "maps").glob("*.tif")}
    problems = Problems()
    again = "Run the region again, or copy the whole folder again."
    for name, digest in made.items():
        if not (run / name).is_file():
            problems.add(str(run / name), "", "no such file", "a file that the run made", again)
        elif sha256_of_file(run / name) != digest:
            problems.add(
                str(run / name), "", "other content than the run wrote", "the file as it was made", again
            )
    for name in sorted(there - set(made)):
        mend = "Move it out of the folder."
        problems.add(str(run / name), "", "a map that the run did not make", "maps of the run alone", mend)
    problems.raise_if_any()


def _found(path: Path, error: Exception) -> str:
    if not path.parent.is_dir():
        return "no such folder"
    return "no manifest.json" if not path.is_file() else f"a manifest.json that is none of a run ({error})"
