"""`poml-map train`: the model of a region without its maps, to map other regions with."""

from __future__ import annotations

from pathlib import Path

from poml_map.config import Region
from poml_map.errors import InputError, Problem
from poml_map.pipeline import manifest as records
from poml_map.pipeline.asked import Asked
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.clock import now
from poml_map.pipeline.context import Run
from poml_map.pipeline.heard import listening, log_file
from poml_map.pipeline.inputs import Inputs
from poml_map.pipeline.memory import share_heaps
from poml_map.pipeline.model_step import model_step
from poml_map.pipeline.outputs import in_units, write_calibration, write_tables
from poml_map.pipeline.progress import Stopwatch
from poml_map.pipeline.report import Notes, accuracy_lines
from poml_map.pipeline.resume import MANIFEST, STORE, Progressed
from poml_map.pipeline.staging import staging


def train_region(region_file: str | Path | Region, out: str | Path = "model") -> list[str]:
    """Learn the model of a region: samples, RothC at the sites, cross-validation and forests, but no map.

    Parameters
    ----------
    region_file : str, Path or Region
    out : str or Path
        Folder of the model, for ``run_region(..., model=out)``; made if it is not there. One that is there is kept if
        nothing that it depends on changed.

    Returns
    -------
    list of str
        Lines for people: the accuracy table and every file that was made.

    Raises
    ------
    InputError
        If anything that goes in is wrong, or `out` is a finished run; then no output is left.
    ResourceError
        If the disk or folder refuses.
    """
    share_heaps()
    watch, out = Stopwatch(), Path(out)
    if (out / STORE).exists():
        expected = "a new folder, or that of an earlier `poml-map train`"
        mend = "A finished run is a model already: give it to --model, or choose another folder."
        raise InputError(Problem("--out", str(out), "a finished run with its maps", expected, mend))
    with listening() as heard:
        with watch.stage("checking"):
            checked = check_region(region_file)
            inputs = Inputs.of(checked.region)
        with staging(out, resumable=True) as folder, log_file(folder / "log.txt", heard):
            asked, done = Asked.of(checked.region, None), Progressed.look(folder, out)
            lines = _steps(Run(checked, asked, inputs, folder, out, done, watch, heard))
    names = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    return [*lines, "", f"In {out}:", *(f"  {name}" for name in names)]


def _steps(run: Run) -> list[str]:
    settings, folder = run.region.settings, run.folder
    trained = model_step(run)
    run.inputs.refuse_changes()
    notes = Notes.of(run.region, trained.parameters)
    write_tables(folder, settings.units, trained)
    write_calibration(folder, settings, trained.parameters, notes.lines)
    content = {
        "region": settings.name,
        "synthetic": settings.synthetic,
        "made": now(),
        "versions": records.versions(),
        "settings": settings.model_dump(),
        "notes": notes.lines,
        "samples": trained.samples.counts(),
        "rothc": trained.parameters.details,
        "forest": trained.learned.details,
        "accuracy": in_units(trained.learned.accuracy, settings.units).to_dict(orient="records"),
        "warnings": [*trained.parameters.warnings, *trained.facts.warnings, *trained.warnings],
        "input_digest": run.inputs.digest,
        "inputs": run.inputs.digests,
        "steps": run.done.close(),
        "outputs": records.outputs(folder),
    }
    (folder / MANIFEST).write_text(records.to_json(content), encoding="utf-8")
    return [*accuracy_lines(trained.learned.accuracy, settings.units), *trained.learned.notes]
