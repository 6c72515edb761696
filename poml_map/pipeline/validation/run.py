"""The stages of a validation, in order."""

from __future__ import annotations

import logging
from pathlib import Path

from poml_map.pipeline import manifest as records
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.progress import Stopwatch, duration
from poml_map.pipeline.staging import Heard, listening, log_file, staging
from poml_map.pipeline.validation.answers import page, score_lines
from poml_map.pipeline.validation.assess import Fits, assess, planned_forests
from poml_map.pipeline.validation.figures import draw_figures
from poml_map.pipeline.validation.gather import Gathered, gather
from poml_map.pipeline.validation.plan import Plan, make_plan
from poml_map.pipeline.validation.tables import Table, tables_of

log = logging.getLogger(__name__)


def validate_region(
    region_file: str | Path,
    out: str | Path = "validation",
    *,
    repeats: int | None = None,
    quick: bool = False,
) -> list[str]:
    """Find out which model to believe in a region, and how far.

    Parameters
    ----------
    region_file : str or Path
    out : str or Path
        Folder of tables, figures and the page `validation.md`; made if it is not there.
    repeats : int, optional
        Random foldings; default ``validation.repeats`` of the region file.
    quick : bool
        A first look: one folding, 50 trees, and no nested choice, spatial folds, intervals or maps.

    Returns
    -------
    list of str
        Lines for people.

    Raises
    ------
    InputError
        If anything that goes in is wrong; then no output is left.
    ResourceError
        If the disk or folder refuses.
    """
    watch = Stopwatch()
    with listening() as heard:
        with watch.stage("checking"):
            checked = check_region(region_file)
        plan = make_plan(checked.region, repeats, quick)
        with staging(Path(out)) as folder, log_file(folder / "log.txt", heard):
            with watch.stage("reading the sites, and RothC there"):
                gathered = gather(checked)
            lines = _stages(gathered, plan, folder, watch, heard)
        log.info("finished in %s", duration(sum(watch.seconds.values())))
    return [*lines, "", f"In {out}:", *(f"  {path.name}" for path in sorted(Path(out).iterdir()))]


def _stages(gathered: Gathered, plan: Plan, folder: Path, watch: Stopwatch, heard: Heard) -> list[str]:
    settings = gathered.region.settings
    fits = Fits(planned_forests(gathered, plan))
    log.info("  at most %d forests", fits.total)
    with watch.stage("held-out sites"):
        assessed = assess(gathered, plan, fits)
    tables = tables_of(gathered, assessed)
    for line in fits.lines():
        log.info("  %s", line)
    for text in assessed.left_out:
        log.warning("  left out: %s", text)
    with watch.stage("figures"):
        notes = [*gathered.notes.lines, *plan.notes]
        figures = draw_figures(gathered, assessed, tables, folder, notes)
    with watch.stage("tables and page"):
        _write_tables(folder, settings.units, tables)
        text = page(gathered, assessed, tables, notes, fits, figures)
        (folder / "validation.md").write_text(text, encoding="utf-8")
        _write_json(folder, gathered, plan, assessed, tables, fits, watch, heard)
    return score_lines(tables["scores"].in_units(settings.units), settings.units)


def _write_tables(folder: Path, unit: str, tables: dict[str, Table]) -> None:
    for table in tables.values():
        table.in_units(unit).to_csv(folder / f"{table.name}.csv", index=False, float_format="%.6g")


def _write_json(
    folder, gathered: Gathered, plan: Plan, assessed, tables, fits: Fits, watch, heard: Heard
) -> None:
    """`validation.json`: every table again, and what they were made with."""
    region = gathered.region
    files = records.input_files(region)
    content = {
        "region": region.settings.name,
        "synthetic": region.settings.synthetic,
        "made": records.now(),
        "versions": records.versions(),
        "input_digest": records.input_digest(files),
        "unit": region.settings.units,
        "plan": vars(plan),
        "samples": gathered.samples.counts(),
        "rothc": gathered.parameters.details,
        "checks": assessed.checks,
        "left_out": assessed.left_out,
        "warnings": heard.warnings("sites", "cube", "hybrid", "pipeline"),
        "fits": {"forests": fits.done, "seconds": fits.seconds},
        "seconds": watch.seconds,
        "tables": {
            name: table.in_units(region.settings.units).to_dict(orient="records")
            for name, table in tables.items()
            if name not in _LONG
        },
    }
    (folder / "validation.json").write_text(records.to_json(content), encoding="utf-8")


#: Tables with a row for every site, which JSON need not repeat.
_LONG = {"held_out", "folds"}
