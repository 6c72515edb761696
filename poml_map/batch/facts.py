"""What the manifest of a finished run says, as far as tables and pages of many runs show it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MANIFEST = "manifest.json"
# Whose mean stock is told.
_MODEL = "POML"
# Rows of the accuracy table: at sites and years where all models predict, of which one campaign has none; at all.
_SCORED = ("common", "all")


@dataclass(frozen=True)
class Facts:
    """What the manifest of a finished run says; None or empty where it does not.

    Attributes
    ----------
    title, unit : str
    synthetic : bool
    model_of : str
        Region that the model was learned in, if it is another one.
    pixels, sites, files : int, optional
        Mapped pixels, sites, files made.
    rmse, ccc : dict of str -> float
        At held-out sites where all models predict, by model; of one campaign, of which PO predicts nothing, at all.
    years : tuple of int
        First and last mapped year, or nothing.
    means : tuple of float
        Mean stock of POML in these years.
    notes : tuple of str
        What must not be overlooked: synthetic, stand-ins, assumptions, a model learned elsewhere.
    """

    title: str = ""
    unit: str = ""
    synthetic: bool = False
    model_of: str = ""
    pixels: int | None = None
    sites: int | None = None
    files: int | None = None
    rmse: dict[str, float] = field(default_factory=dict)
    ccc: dict[str, float] = field(default_factory=dict)
    years: tuple[int, ...] = ()
    means: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Path) -> Facts:
        """From the manifest in a run folder; empty facts if there is none that can be read."""
        try:
            content = json.loads((run / _MANIFEST).read_text(encoding="utf-8"))
            return cls._of(content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    @classmethod
    def _of(cls, content: dict[str, Any]) -> Facts:
        settings = content["settings"]
        scores = _scores(content.get("accuracy") or [])
        years = tuple(dict.fromkeys(content.get("mapped_years") or []))
        return cls(
            title=settings.get("title") or content["region"],
            unit=settings.get("units", ""),
            synthetic=bool(content.get("synthetic")),
            model_of=str(content.get("model_of") or ""),
            pixels=(content.get("pixels") or {}).get("mapped"),
            sites=(content.get("samples") or {}).get("n_sites"),
            files=len(content.get("outputs") or {}) or None,
            rmse=_by_model(scores, "rmse"),
            ccc=_by_model(scores, "ccc"),
            years=years,
            means=_means(content.get("regional_mean"), years),
            notes=tuple(str(note) for note in content.get("notes") or ()),
        )


def _scores(table: list[dict]) -> list[dict]:
    """Rows of the accuracy table that set models side by side."""
    kinds = ([row for row in table if row.get("campaign") == kind and row.get("n")] for kind in _SCORED)
    return next((rows for rows in kinds if rows), [])


def _by_model(scores: list[dict], name: str) -> dict[str, float]:
    return {row["model"]: row[name] for row in scores if row.get(name) is not None}


def _means(table: dict[str, Any] | None, years: tuple[int, ...]) -> tuple[float, ...]:
    by_year = dict(zip(table["year"], table["models"].get(_MODEL, []), strict=False)) if table else {}
    found = tuple(by_year[year] for year in years if by_year.get(year) is not None)
    return found if len(found) == len(years) else ()
