"""What a run tells of itself in `manifest.json`, put together from its parts."""

from __future__ import annotations

from poml_map.config import Region
from poml_map.cube import Cube
from poml_map.mapping import MapSummary
from poml_map.pipeline.clock import now
from poml_map.pipeline.manifest import versions
from poml_map.pipeline.outputs import in_units
from poml_map.pipeline.report import one_campaign_warning
from poml_map.pipeline.sources import source_list
from poml_map.pipeline.trained import Trained


def manifest_of(region: Region, cube: Cube, trained: Trained, summary: MapSummary) -> dict:
    """All that is known when the maps are in the store.

    Parameters
    ----------
    region : Region
    cube : Cube
    trained : Trained
    summary : MapSummary
    """
    settings, parameters, facts = region.settings, trained.parameters, trained.facts
    learned, counts = trained.learned, trained.samples.counts()
    warnings = [*parameters.warnings, *facts.warnings, *one_campaign_warning(counts)]
    intervals = {}
    if learned.intervals is not None:
        intervals = {"intervals": learned.intervals.for_manifest(settings.units)}
    return {
        "region": settings.name,
        "synthetic": settings.synthetic,
        "made": now(),
        "versions": versions(),
        "settings": settings.model_dump(),
        "stand_ins": region.stand_ins,
        "sources": source_list(region),
        "fills": cube.fills,
        "coverage": {name: share for name, share in cube.coverage.items() if share < 1},
        "spinup": cube.spinup_means,
        "samples": counts,
        "pixels": summary.pixels,
        "rothc": parameters.details,
        "carbon_balance": {"sites": facts.balance, "map": summary.balance},
        "averaging_months": facts.averaging,
        "forest": learned.details,
        **intervals,
        "accuracy": in_units(learned.accuracy, settings.units).to_dict(orient="records"),
        "warnings": [*warnings, *pixel_warnings(summary)],
    }


def pixel_warnings(summary: MapSummary) -> list[str]:
    """What is to be told of pixels: those without data, and those whose class no site has."""
    heads = {"no data": "pixels not mapped, ", "with the pooled fit": "pixels "}
    return [
        f"{count:,} {head}{name}"
        for name, count in summary.pixels.items()
        for start, head in heads.items()
        if name.startswith(start)
    ]
