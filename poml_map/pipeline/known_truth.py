"""Maps against the truth of a synthetic region: which answers which question best. No method ever reads the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from poml_map.config import Region
from poml_map.grid import Grid
from poml_map.products import read_map, refuse_foreign
from poml_map.tables import listed

#: Map -> what it is. The last three need no more than the first two, and keep everyone honest.
MAPS = {
    "POML": "forest on observations and RothC simulations",
    "ML": "forest on observations only",
    "PO": "RothC, run on from the first map of ML",
    "ML_LINEAR": "ML maps of the sampled years, straight lines between them",
    "FIRST_MAP": "the first map of ML, held constant",
}

#: Question -> what its error is.
QUESTIONS = {
    "level, sampled years": "RMSE over pixels and years",
    "level, unsampled years": "RMSE over pixels and years",
    "change, first to last year": "RMSE over pixels",
    "trend": "RMSE over pixels of the slope, for ten years",
    "mean of a zone, unsampled years": "RMSE over zones and years",
    "change of a zone": "RMSE over zones",
}

_DECADE = 10.0


def found_truth(region: Region) -> Path | None:
    """Folder `truth/` beside the region file, if the region is synthetic and has one.

    Parameters
    ----------
    region : Region

    Returns
    -------
    Path or None

    Raises
    ------
    InputError
        If a file of it leads elsewhere or is no map.
    """
    folder = Path(region.file).parent / "truth"
    has_maps = region.settings.synthetic and all(truth_map(folder, year).exists() for year in region.years)
    if not has_maps:
        return None
    refuse_foreign(folder)
    return folder


def incomplete_truth(region: Region) -> str:
    """What a folder `truth/` beside a synthetic region lacks; empty if it lacks nothing, or if there is none."""
    folder = Path(region.file).parent / "truth"
    if not region.settings.synthetic or not folder.is_dir():
        return ""
    missing = [truth_map(folder, year).name for year in region.years if not truth_map(folder, year).exists()]
    return f"the known truth: truth/ lacks {listed(missing)}" if missing else ""


def truth_map(folder: Path, year: int) -> Path:
    """File of the true stock of a year. [kg/m2]"""
    return folder / f"SOCS_TRUTH_{year}.tif"


def true_sites(folder: Path, sites: Iterable[str], years: range) -> np.ndarray:
    """True stock at sites.

    Parameters
    ----------
    folder : Path
    sites : iterable of str
    years : range

    Returns
    -------
    ndarray (years, sites)
        NaN where the table has none. [kg/m2]
    """
    table = pd.read_csv(folder / "site_stock.csv", dtype={"site": str})
    wide = table.pivot_table(index="year", columns="site", values="stock_kg_m2")
    return wide.reindex(index=list(years), columns=list(sites)).to_numpy()


@dataclass(frozen=True)
class KnownTruth:
    """How far maps are from the truth. Make it with `known_truth`.

    Attributes
    ----------
    by_year : pandas.DataFrame
        ``model``, ``year``, ``sampled``, ``n``, ``rmse``, ``me``. [kg/m2]
    questions : pandas.DataFrame
        ``question``, ``model``, ``error``: one row for each map. [kg/m2, the trend kg/m2 in ten years]
    by_zone : pandas.DataFrame
        ``zone`` (its number), ``model``, ``n``, ``level`` (RMSE over pixels and unsampled years) and ``trend`` (RMSE of
        the slope); empty without zones. [kg/m2, kg/m2 in ten years]
    gains : dict of str -> ndarray (y, x)
        ``"level, unsampled years"`` and ``"trend"``: error of ML minus that of POML in each pixel. Above 0 POML is
        nearer to the truth. [kg/m2, kg/m2 in ten years]
    """

    by_year: pd.DataFrame
    questions: pd.DataFrame
    by_zone: pd.DataFrame
    gains: dict[str, np.ndarray]

    def which(self) -> pd.DataFrame:
        """The best map for each question, and the next best: ``question``, ``best``, ``error``, ``next``,
        ``next_error``, ``poml_error`` and ``poml_against_ml`` (relative, below 0 POML is better)."""
        rows = []
        for question in QUESTIONS:
            errors = (
                self.questions[self.questions["question"] == question].dropna().set_index("model")["error"]
            )
            if len(errors) < 2 or not {"POML", "ML"} <= set(errors.index):
                continue
            order = errors.sort_values(kind="stable")
            rows.append(
                {
                    "question": question,
                    "best": order.index[0],
                    "error": order.iloc[0],
                    "next": order.index[1],
                    "next_error": order.iloc[1],
                    "poml_error": errors["POML"],
                    "poml_against_ml": errors["POML"] / errors["ML"] - 1 if errors["ML"] > 0 else np.nan,
                }
            )
        return pd.DataFrame(rows)


def known_truth(
    read: Callable[[str, int], np.ndarray],
    truth: Callable[[int], np.ndarray],
    years: Sequence[int],
    sampled: Iterable[int],
    zones: np.ndarray | None = None,
) -> KnownTruth:
    """Compare maps with the truth, year by year.

    Parameters
    ----------
    read : callable
        ``read(model, year)`` gives a map (y, x) of POML, ML or PO; NaN outside. [kg/m2]
    truth : callable
        ``truth(year)`` gives the true one. [kg/m2]
    years : sequence of int
        Ascending.
    sampled : iterable of int
        Years with observations.
    zones : ndarray (y, x) of int, optional
        Zone of each pixel, -1 outside all.

    Returns
    -------
    KnownTruth
        Over pixels that maps and truth have in the first year. Questions about zones are left out without zones, those
        about unsampled years where all are sampled.
    """
    sampled = sorted(set(sampled) & set(years))
    here = np.isfinite(read("POML", years[0])) & np.isfinite(truth(years[0]))
    codes = None if zones is None else zones[here]
    of_ml = {year: read("ML", year)[here].astype(float) for year in {years[0], *sampled}}
    sums = {name: _Sums() for name in MAPS}
    rows = []
    for year in years:
        true = truth(year)[here].astype(float)
        for name, each in sums.items():
            found = _map(name, year, read, here, of_ml, sampled, years)
            error = found - true
            each.add(year - np.mean(years), error, year in sampled, codes)
            root, mean = np.sqrt(np.mean(error**2)), error.mean()
            rows.append(
                {
                    "model": name,
                    "year": year,
                    "sampled": year in sampled,
                    "n": len(error),
                    "rmse": root,
                    "me": mean,
                }
            )
    questions = [
        {"question": question, "model": name, "error": error}
        for name, each in sums.items()
        for question, error in each.answers().items()
    ]
    order = {question: at for at, question in enumerate(QUESTIONS)}
    table = pd.DataFrame(questions).sort_values(
        "question", key=lambda column: column.map(order), kind="stable"
    )
    by_zone = [row for name, each in sums.items() for row in each.of_zones(name)]
    return KnownTruth(
        pd.DataFrame(rows), table.reset_index(drop=True), pd.DataFrame(by_zone), _gains(sums, here)
    )


def _gains(sums: dict[str, _Sums], here: np.ndarray) -> dict[str, np.ndarray]:
    gains = {}
    of_ml, of_poml = sums["ML"].of_pixels(), sums["POML"].of_pixels()
    for question in of_ml:
        gains[question] = np.full(here.shape, np.nan)
        gains[question][here] = of_ml[question] - of_poml[question]
    return gains


def _map(name: str, year: int, read, here, of_ml: dict, sampled: list[int], years) -> np.ndarray:
    if name == "FIRST_MAP":
        return of_ml[years[0]]
    if name != "ML_LINEAR":
        return read(name, year)[here].astype(float)
    known = sampled or [years[0]]
    before = max((each for each in known if each <= year), default=known[0])
    after = min((each for each in known if each >= year), default=known[-1])
    share = 0.0 if after == before else (year - before) / (after - before)
    return (1 - share) * of_ml[before] + share * of_ml[after]


@dataclass
class _Sums:
    """What is kept of one model's errors; errors of sums and slopes are sums and slopes of errors."""

    squares: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    unsampled: np.ndarray | float = 0.0
    zone_squares: list[float] = field(default_factory=list)
    first: np.ndarray | None = None
    last: np.ndarray | None = None
    slope: np.ndarray | float = 0.0
    weight: float = 0.0
    codes: np.ndarray | None = None

    def add(self, time: float, error: np.ndarray, is_sampled: bool, codes: np.ndarray | None) -> None:
        self.squares[is_sampled].append(float(np.mean(error**2)))
        if not is_sampled:
            self.unsampled = self.unsampled + error**2
        self.first = error if self.first is None else self.first
        self.last, self.codes = error, codes
        self.slope = self.slope + time * error
        self.weight += time**2
        if codes is not None and not is_sampled:
            self.zone_squares.append(float(np.mean(_zone_means(error, codes) ** 2)))

    def answers(self) -> dict[str, float]:
        change = self.last - self.first
        found = {
            "level, sampled years": _root(self.squares[True]),
            "level, unsampled years": _root(self.squares[False]),
        }
        if self.weight > 0:
            found["change, first to last year"] = _root(change**2)
            found["trend"] = _root(self._trend() ** 2)
        if self.codes is not None:
            found["mean of a zone, unsampled years"] = _root(self.zone_squares)
            found["change of a zone"] = _root(_zone_means(change, self.codes) ** 2)
        return found

    def of_pixels(self) -> dict[str, np.ndarray]:
        """Error of each pixel, by question."""
        found = {}
        if self.squares[False]:
            found["level, unsampled years"] = np.sqrt(self.unsampled / len(self.squares[False]))
        if self.weight > 0:
            found["trend"] = np.abs(self._trend())
        return found

    def of_zones(self, model: str) -> Iterator[dict]:
        """RMSE over the pixels of each zone."""
        found = self.of_pixels()
        level, trend = (found.get(question) for question in ("level, unsampled years", "trend"))
        for zone in [] if self.codes is None else np.unique(self.codes[self.codes >= 0]):
            here = self.codes == zone
            errors = {
                name: np.nan if values is None else _root(values[here] ** 2)
                for name, values in (("level", level), ("trend", trend))
            }
            yield {"zone": int(zone), "model": model, "n": int(here.sum()), **errors}

    def _trend(self) -> np.ndarray:
        """Error of the slope. [kg/m2 in ten years]"""
        return _DECADE * self.slope / self.weight


def _root(squares) -> float:
    return float(np.sqrt(np.mean(squares))) if len(squares) else np.nan


def _zone_means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean of each zone that has a pixel."""
    inside = codes >= 0
    count = np.bincount(codes[inside])
    return (np.bincount(codes[inside], values[inside]) / np.maximum(count, 1))[count > 0]


def read_truth(folder: Path, grid: Grid) -> Callable[[int], np.ndarray]:
    """``truth(year)`` for `known_truth` from the files of a demo region.

    Raises
    ------
    ValueError
        By the callable, if a map is not on the grid of the region.
    """

    def truth(year: int) -> np.ndarray:
        values = read_map(truth_map(folder, year))
        if values.shape != grid.shape:
            raise ValueError(
                f"{truth_map(folder, year).name} has shape {values.shape}, expected {grid.shape}, that of the region. "
                "Mend: write the demo region anew."
            )
        return values

    return truth
