"""The stages of a validation, in order."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from poml_map.pipeline import manifest as records
from poml_map.pipeline.applicability import Spaces, write_applicability
from poml_map.pipeline.checks import check_region
from poml_map.pipeline.clock import now
from poml_map.pipeline.heard import Heard, listening, log_file
from poml_map.pipeline.known_truth import found_truth, incomplete_truth, known_truth, read_truth
from poml_map.pipeline.progress import Stopwatch, duration
from poml_map.pipeline.staging import staging
from poml_map.pipeline.validation.answers import page, score_lines
from poml_map.pipeline.validation.assess import Assessed, Fits, assess, planned_forests
from poml_map.pipeline.validation.figures import (
    Figures,
    draw_interval_figure,
    draw_site_figures,
    draw_spatial_figures,
)
from poml_map.pipeline.validation.gather import Gathered, gather
from poml_map.pipeline.validation.intervals import assess_intervals
from poml_map.pipeline.validation.map_figures import (
    draw_applicability_figure,
    draw_gain_figure,
    draw_map_figures,
    draw_truth_figure,
)
from poml_map.pipeline.validation.maps import Mapped, mapped
from poml_map.pipeline.validation.plan import Plan, make_plan
from poml_map.pipeline.validation.spatial import assess_in_space
from poml_map.pipeline.validation.tables import Table, difference_table, score_table, tables_of

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
    notes = [*gathered.notes.lines, *plan.notes]
    fits = Fits(planned_forests(gathered, plan))
    log.info("  at most %d forests", fits.total)
    with watch.stage("held-out sites"):
        assessed = assess(gathered, plan, fits)
    tables, figures = tables_of(gathered, assessed), Figures(gathered, folder, notes)
    facts = Facts()
    with watch.stage("figures of the sites"):
        draw_site_figures(gathered, assessed, tables, figures)
    if plan.spatial:
        with watch.stage("folds in space"):
            _in_space(gathered, plan, assessed, tables, figures, fits, facts)
    if plan.intervals:
        with watch.stage("intervals"):
            tables |= assess_intervals(gathered, plan, fits).tables
            draw_interval_figure(tables, figures)
    if plan.maps:
        with watch.stage("maps"), mapped(gathered, plan.trees, folder, fits) as maps:
            _on_maps(gathered, assessed, maps, tables, figures, folder, facts)
    for line in fits.lines():
        log.info("  %s", line)
    left_out = [*assessed.left_out, *facts.left_out, *filter(None, [incomplete_truth(gathered.region)])]
    for text in left_out:
        log.warning("  left out: %s", text)
    with watch.stage("tables and page"):
        _write_tables(folder, settings.units, tables)
        text = page(gathered, assessed, tables, notes, fits, figures.captions, left_out)
        (folder / "validation.md").write_text(text, encoding="utf-8")
        _write_json(folder, gathered, plan, assessed, tables, fits, watch, heard, left_out)
    return score_lines(tables["scores"].in_units(settings.units), settings.units)


@dataclass
class Facts:
    """What the stages after the first have to say.

    Attributes
    ----------
    left_out : list of str
    """

    left_out: list[str] = field(default_factory=list)


def _in_space(gathered, plan, assessed, tables, figures, fits, facts) -> None:
    spatial = assess_in_space(gathered, plan, assessed.random[0].folding, fits)
    foldings = [assessed.random, *([each] for each in spatial.evaluations)]
    tables["scores"], tables["differences"] = score_table(foldings), difference_table(foldings)
    tables["foldings"] = Table("foldings", pd.DataFrame(spatial.facts))
    for each in spatial.evaluations:
        tables["folds"].rows[each.folding.name] = each.folding.fold
    draw_spatial_figures(spatial, tables, figures)
    facts.left_out += spatial.left_out


def _on_maps(gathered, assessed, maps: Mapped, tables, figures: Figures, folder: Path, facts) -> None:
    draw_map_figures(gathered, maps, figures)
    settings, first = gathered.region.settings, assessed.random[0]
    fold_of_site = dict(zip(gathered.panel.sites.tolist(), first.folding.fold.tolist(), strict=True))
    observed = gathered.panel.training_rows(None, 0.0)
    spaces = Spaces.of(maps.rows, observed, maps.poml.feature_importances_, fold_of_site)
    (folder / "maps").mkdir()
    tags = {"REGION": settings.name, **gathered.notes.tags}
    about = {"unit": settings.units, "depth_cm": settings.depth_cm, "tags": tags}
    rows = write_applicability(gathered.cube, spaces, folder / "maps", maps.store.parent, about)
    tables["applicability"] = Table("applicability", pd.DataFrame(rows))
    draw_applicability_figure(gathered, tables["applicability"], folder / "maps", figures)
    truth = found_truth(gathered.region)
    if truth is not None:
        _against_truth(gathered, maps, truth, tables, figures)


def _against_truth(gathered: Gathered, maps: Mapped, folder: Path, tables, figures: Figures) -> None:
    cube, panel = gathered.cube, gathered.panel
    sampled = panel.years[panel.has_observation.any(axis=1)]
    found = known_truth(maps.read, read_truth(folder, cube.grid), panel.years, sampled, cube.zone_codes())
    tables["truth_by_year"] = Table("truth_by_year", found.by_year, ("rmse", "me"))
    tables["truth_questions"] = Table("truth_questions", found.questions, ("error",))
    tables["truth_best"] = Table("truth_best", found.which(), ("error", "next_error", "poml_error"))
    draw_truth_figure(found, figures)
    if found.gains:
        draw_gain_figure(gathered, found, figures)
    if len(found.by_zone):
        at, names, keys = found.by_zone["zone"], cube.zone_names(), cube.zone_keys()
        by_zone = found.by_zone.assign(zone=[names[zone] for zone in at])
        by_zone.insert(0, "key", [keys[zone] for zone in at])
        tables["truth_by_zone"] = Table("truth_by_zone", by_zone, ("level", "trend"))


def _write_tables(folder: Path, unit: str, tables: dict[str, Table]) -> None:
    for table in tables.values():
        table.in_units(unit).to_csv(folder / f"{table.name}.csv", index=False, float_format="%.6g")


def _write_json(
    folder: Path,
    gathered: Gathered,
    plan: Plan,
    assessed: Assessed,
    tables: dict[str, Table],
    fits: Fits,
    watch: Stopwatch,
    heard: Heard,
    left_out: list[str],
) -> None:
    """`validation.json`: every table again, and what they were made with."""
    region = gathered.region
    files = records.input_files(region)
    content = {
        "region": region.settings.name,
        "synthetic": region.settings.synthetic,
        "made": now(),
        "versions": records.versions(),
        "input_digest": records.input_digest(files),
        "unit": region.settings.units,
        "plan": vars(plan),
        "samples": gathered.samples.counts(),
        "rothc": gathered.parameters.details,
        "checks": assessed.checks,
        "left_out": left_out,
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
_LONG = {"held_out", "folds", "interval_sites"}
