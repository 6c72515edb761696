"""What a finished run folder holds, as far as pages and projects ask for it; what is absent is None or empty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import rasterio

from poml_map.errors import InputError, Problem
from poml_map.grid import Grid
from poml_map.products.made import MadeMap, made_maps
from poml_map.products.sheet import raised
from poml_map.schema import MODELS
from poml_map.units import STOCK_LABELS

_MEND = "Give the folder that `poml-map run region.yaml --out FOLDER` has finished."
# Texts that must stay as they are: a county may be called "NA", its key begin with 0.
_TEXTS = ("zone", "name", "site", "note", "campaign", "model")

_ONE_CAMPAIGN = (
    "ML learned from one campaign: what it shows over time is the weather of each year taken for a place, "
    "not a change."
)


@dataclass(frozen=True)
class RunFolder:
    """A finished run on disk.

    Attributes
    ----------
    path : Path
    manifest : dict
    maps : list of MadeMap
        At least one is an annual map of a model.
    grid : Grid
        Of the maps.
    """

    path: Path
    manifest: dict
    maps: list[MadeMap]
    grid: Grid

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Read manifest and list of maps.

        Raises
        ------
        InputError
            If there is no manifest that can be read, or no annual map.
        """
        path = Path(path)
        manifest = _manifest(path / "manifest.json")
        maps = made_maps(path)
        annual = [made for made in maps if made.layer in MODELS]
        if not annual:
            found = "no annual map of a model"
            raise InputError(
                Problem(str(path / "maps"), "", found, "files such as SOCS_POML_1980.tif", _MEND)
            )
        with rasterio.open(annual[0].path) as file:
            transform = tuple(float(number) for number in file.transform[:6])
            grid = Grid(file.crs.to_string(), transform, file.width, file.height)
        return cls(path, manifest, maps, grid)

    def table(self, name: str) -> pd.DataFrame | None:
        """A CSV table of the folder; None where there is none or it has no rows."""
        path = self.path / name
        if not path.is_file():
            return None
        names = pd.read_csv(path, nrows=0).columns
        texts = {name: "str" for name in names if name in _TEXTS}
        missing = {name: ["", "nan", "NaN"] for name in names if name not in texts}
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values=missing)
        return None if table.empty else table

    def text(self, name: str) -> str:
        """A text file of the folder; empty where there is none."""
        path = self.path / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def settings(self) -> dict:
        """Of the region, as they stand in the manifest."""
        return self.manifest.get("settings", {})

    @property
    def title(self) -> str:
        """Of the region, or its name."""
        return str(self.settings.get("title") or self.manifest.get("region") or self.path.name)

    @property
    def unit(self) -> str:
        """``kg/m2`` or ``t/ha``."""
        return self.settings.get("units", "kg/m2")

    @property
    def label(self) -> str:
        """The unit as people read it, such as ``kg C m⁻²``."""
        return raised(STOCK_LABELS[self.unit])

    @cached_property
    def models(self) -> list[str]:
        """Models with annual maps, in the order of `poml_map.schema.MODELS`."""
        made = {each.layer for each in self.maps}
        return [model for model in MODELS if model in made]

    @cached_property
    def years(self) -> list[int]:
        """Years with an annual map of any model."""
        return sorted({each.years[1] for each in self.maps if each.layer in MODELS})

    @property
    def has_one_campaign(self) -> bool:
        """Whether all sites were sampled in the same year, as far as the manifest tells."""
        return len((self.manifest.get("samples") or {}).get("samples_by_year") or {}) == 1

    @property
    def caution(self) -> str:
        """What must be said wherever maps of ML are shown through time; empty where nothing must."""
        return _ONE_CAMPAIGN if "ML" in self.models and self.has_one_campaign else ""

    @property
    def synthetic(self) -> bool:
        """Whether a program made the region up."""
        return bool(self.manifest.get("synthetic"))


def _manifest(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = (
            "no such file"
            if isinstance(error, FileNotFoundError)
            else f"a file that cannot be read ({error})"
        )
        raise InputError(Problem(str(path), "", what, "the manifest of a finished run", _MEND)) from error
    if not isinstance(found, dict):
        raise InputError(
            Problem(str(path), "", "JSON without names", "the manifest of a finished run", _MEND)
        )
    return found
