"""What stands at the top of the page and beside its tables: few numbers, and sentences that are true of this run."""

from __future__ import annotations

import json
import re

from poml_map.products.page.text import as_html, sections
from poml_map.products.page.zones import WHOLE, Zones
from poml_map.products.place import pixel_metres
from poml_map.products.runfolder import RunFolder
from poml_map.products.validation.page import fixed


def key_facts(run: RunFolder, zones: Zones) -> list[tuple[str, str, str]]:
    """The few numbers at the top: name, value, what it is.

    A mean or change is the one that held-out sites correct, with its interval, where the tables have it; the map's own,
    which may lie outside that interval, is then told in the small text.
    """
    model, first, last = run.models[0], run.years[0], run.years[-1]
    means = run.manifest.get("regional_mean") or {}
    course = (means.get("models") or {}).get(model)
    by_year = dict(zip(means.get("year") or [], course or [], strict=False))
    found = []
    if by_year.get(last) is not None:
        corrected = zones.corrected(WHOLE, model, last)
        found.append((f"Mean stock {last}", *_best(run, model, by_year[last], corrected)))
    if first != last and None not in (by_year.get(first), by_year.get(last)):
        change, corrected = by_year[last] - by_year[first], zones.corrected_change(WHOLE, model, first, last)
        found.append((f"Change since {first}", *_best(run, model, change, corrected, signed=True)))
    samples = run.manifest.get("samples") or {}
    if samples.get("n_used"):
        campaigns = ", ".join(samples.get("samples_by_year") or {})
        model_of = run.manifest.get("model_of")
        where = f" of {model_of}, where the model was learned" if model_of else ""
        found.append(
            ("Samples", f"{samples['n_used']:,}", f"at {samples['n_sites']:,} sites{where}; {campaigns}")
        )
    pixels = (run.manifest.get("pixels") or {}).get("mapped")
    if pixels:
        found.append(("Mapped pixels", f"{pixels:,}", f"of {pixel_metres(run.grid):,.0f} m"))
    return found


def _best(
    run: RunFolder,
    model: str,
    mapped: float,
    corrected: tuple[float, float, float] | None,
    signed: bool = False,
) -> tuple[str, str]:
    """Value and its small text."""
    own = fixed(mapped, run.unit, signed)
    if corrected is None:
        return own, f"{run.label}, {model}"
    value, low, high = (fixed(each, run.unit, signed) for each in corrected)
    interval = f"{level(run)} interval of the true mean {low} to {high}"
    return value, f"{run.label}, {model} corrected by held-out sites; {interval}; on the map {own}"


def level(run: RunFolder) -> str:
    """Of the limits of means, such as ``90 %``."""
    return f"{100 * (run.manifest.get('areas') or {}).get('level', 0.9):g} %"


def zone_remarks(run: RunFolder, zones: Zones, model: str) -> list[str]:
    """What must be known to read the table of zones of this run, one paragraph each."""
    changes = zones.changes[zones.changes["model"] == model]
    told = [
        zones.corrected_change(row.zone, row.model, row.first, row.last) is not None
        for row in changes.itertuples()
    ]
    means = [zones.corrected(row.zone, row.model, row.last) for row in changes.itertuples()]
    words = []
    if any(told) or any(means):
        words.append(
            "The map smooths, so the mean of a zone may be wrong on it; what the held-out sites of the zone (and of "
            f"all, where it has few) observed beside the map corrects that. In brackets: {level(run)} interval of the "
            "true mean, which may leave out the one on the map."
            + (" “Detectable” tells whether the interval of the change leaves zero out." if any(told) else "")
        )
    if not any(told):
        words.append(
            "Changes and totals are those of the map: no held-out site corrects them, they have no interval."
        )
    why = ["† On the map, not corrected."] if any(told) and not all(told) else []
    if run.has_one_campaign:
        why.append("No site was sampled twice, so nothing observed tells how far a change is off.")
    notes = [str(note) for note in (run.manifest.get("areas") or {}).get("notes") or []]
    bare = changes[changes["n_sites"] == 0]
    if not notes and 0 < len(bare) < len(changes):
        names = ", ".join(str(name or key) for name, key in zip(bare["name"], bare["zone"], strict=True))
        notes = [f"no site lies in {names}"]
    why += [f"{note[:1].upper()}{note[1:]}." for note in notes]
    return [*words, *([" ".join(why)] if why else [])]


def validation(run: RunFolder) -> dict:
    """The validation that lies in the folder: why it is `refused`, or its `words`, and whether it was a `quick` look.

    Empty without one.
    """
    markdown = run.text("validation/validation.md")
    parts = sections(markdown)
    curve = (run.path / "validation" / "w_p_curve.csv").is_file()
    if "In short" not in parts and not curve:
        return {}
    facts = _facts(run.text("validation/validation.json"))
    refused = _why_not(run, facts)
    if refused:
        return {"refused": refused}
    quick = (facts.get("plan") or {}).get("maps") is False or re.search(
        r"\bA quick look\b", markdown
    ) is not None
    words = as_html(parts.get("In short", ""), run.path / "validation", "In short")
    return {"refused": "", "quick": quick, "words": words}


def _facts(text: str) -> dict:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _why_not(run: RunFolder, facts: dict) -> str:
    digest, own = facts.get("input_digest"), run.manifest.get("input_digest")
    if digest is None or digest != own:
        return f"was made from other inputs than the maps (digest {digest or 'unknown'}, of the run {own or 'unknown'})"
    if facts.get("unit", run.unit) != run.unit:
        return f"is in another unit than the maps ({facts['unit']}, of the run {run.unit})"
    return ""
