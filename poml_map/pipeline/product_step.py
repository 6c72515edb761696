"""The last step of a run: what people take away, and the manifest that tells of all of it."""

from __future__ import annotations

import logging

from poml_map.mapping import MapSummary
from poml_map.pipeline import manifest as records
from poml_map.pipeline.area_tables import write_areas
from poml_map.pipeline.content import manifest_of
from poml_map.pipeline.context import Run
from poml_map.pipeline.maps import write_products
from poml_map.pipeline.outputs import write_calibration, write_tables
from poml_map.pipeline.publish import keep_validation, publish
from poml_map.pipeline.report import Notes, accuracy_lines, lost_change_warning, report
from poml_map.pipeline.resume import MANIFEST, STORE
from poml_map.pipeline.steps import Parts, product_parts, raster_parts
from poml_map.pipeline.trained import Trained, model_digest

log = logging.getLogger(__name__)


def product_step(run: Run, trained: Trained, notes: Notes, summary: MapSummary, maps: Parts) -> list[str]:
    """Write GeoTIFFs, pictures, tables, report, pages and manifest.

    Parameters
    ----------
    run : Run
    trained : Trained
    notes : Notes
        What stands on every product.
    summary : MapSummary
    maps : dict
        Parts of the maps.

    Returns
    -------
    list of str
        The accuracy table, for people.

    Raises
    ------
    InputError
        If an input changed while the run read it.
    ResourceError
        If a file cannot be written.
    """
    region, cube, folder, wanted = run.region, run.cube, run.folder, run.asked.wanted
    settings, learned = region.settings, trained.learned
    parts = raster_parts(region, run.inputs.digests, run.asked, model_digest(folder), maps)
    with run.watch.stage("GeoTIFFs and pictures"):
        run.inputs.refuse_changes()
        journal = run.done.rasters(parts)
        published = write_products(
            region,
            cube,
            folder / STORE,
            folder,
            wanted,
            notes,
            run.inputs.digest,
            summary.pixels["mapped"],
            learned.intervals,
            journal.once,
        )
    with run.watch.stage("tables of zones and region"):
        areas = write_areas(
            region,
            cube,
            folder,
            wanted,
            trained.samples,
            trained.places.group,
            published.areas,
            learned.held_out,
        )
    accuracy = [*accuracy_lines(learned.accuracy, settings.units), *learned.notes]
    if run.asked.model is not None:
        where = f"The model was learned in {trained.region}: these are its scores at the sites there"
        accuracy.append(f"{where}, not those of this region.")
    content = manifest_of(region, cube, trained, summary)
    content |= {"notes": notes.lines, "change": published.change, "areas": areas}
    content |= {"regional_mean": published.means, "mapped_years": [wanted[0], wanted[-1]]}
    lost = lost_change_warning(content["rothc"], published.change, published.means["unit"])
    for text in lost:
        log.warning("  warning: %s", text)
    content["lost_change"] = " ".join(lost)
    content["warnings"] += [*lost, *_heard(run, trained)]
    content |= {"input_digest": run.inputs.digest, "inputs": run.inputs.digests, "kept": run.done.kept}
    if run.asked.model is not None:
        content["model_of"] = trained.region
    with run.watch.stage("tables, manifest and report"):
        write_tables(folder, settings.units, trained)
        write_calibration(folder, settings, trained.parameters, notes.lines)
        text = report(region, content, accuracy, trained.effects, notes.lines)
        (folder / "report.md").write_text(text, encoding="utf-8")
        (folder / MANIFEST).write_text(records.to_json(content), encoding="utf-8")
    with run.watch.stage("page, QGIS project and catalog"):
        keep_validation(run.out, folder)
        publish(folder, settings.profile)
    content["steps"] = run.done.close(product_parts(region, parts, run.out))
    content |= {"seconds": run.watch.seconds, "outputs": records.outputs(folder)}
    (folder / MANIFEST).write_text(records.to_json(content), encoding="utf-8")
    return accuracy


def _heard(run: Run, trained: Trained) -> list[str]:
    """Warnings of the program's parts, each once: those of training may have been given in another run."""
    now = run.heard.warnings("cube", "products") + run.heard.warnings("sites", "hybrid")
    return list(dict.fromkeys([*trained.warnings, *now]))
