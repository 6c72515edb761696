"""What a run is asked for on the command line, beside its region file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poml_map.config import Region
from poml_map.errors import InputError, Problem


@dataclass(frozen=True)
class Asked:
    """Options of a run.

    Attributes
    ----------
    wanted : range
        Years of which maps are written.
    engine : str
        See `poml_map.mapping.forest_mapper`.
    workers : int or None
        Threads, or processes of ``local``.
    tile_size : int or None
        [pixels] None: that of the tiles that are there already, else the usual one.
    scheduler : str or None
        See `poml_map.pipeline.scheduler.chosen_scheduler`.
    model : Path or None
        Folder of a trained model to map with.
    """

    wanted: range
    engine: str = "auto"
    workers: int | None = None
    tile_size: int | None = None
    scheduler: str | None = None
    model: Path | None = None

    @classmethod
    def of(cls, region: Region, years: tuple[int, int] | None, engine: str = "auto", **options) -> Asked:
        """Options that fit a region.

        Raises
        ------
        InputError
            If `years` reach outside those of the region, or the engine cannot make its intervals.
        """
        if engine == "sklearn" and region.settings.intervals is not None:
            expected = "auto or fast: the spread of the trees is mapped by the fast engine alone"
            mend = "Leave out --engine, or `intervals:` of the region file."
            raise InputError(Problem("--engine", "", engine, expected, mend))
        return cls(_wanted(region, years), engine, **options)


def _wanted(region: Region, years: tuple[int, int] | None) -> range:
    if years is None:
        return region.years
    if years[0] < region.years[0] or years[1] > region.years[-1]:
        found, expected = f"{years[0]}-{years[1]}", f"years of {region.years[0]}-{region.years[-1]}"
        raise InputError(
            Problem("--years", "", found, expected, "Change `years:` of the region file for more.")
        )
    return range(years[0], years[1] + 1)
