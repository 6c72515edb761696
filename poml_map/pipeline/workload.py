"""The work of a run, counted from the region file, the sample table and the size of the grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from poml_map import schema
from poml_map.config import Region
from poml_map.sites import Samples

# Rows of the two forests of the paper's survey, 428 sites in two campaigns: stands for a model that is given.
_ROWS_OF_PAPER = (8988, 856)

# Distinct rows of a bootstrap sample are 63 % of all, each a leaf, and there are as many nodes above them.
_NODES_PER_ROW = 1.264


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Attributes
    ----------
    region : Region
    samples : Samples or None
        None: nothing is learned, and the forests are those of the paper's survey.
    pixels : int
        To be mapped.
    grid_pixels : int
    """

    region: Region
    samples: Samples | None
    pixels: int
    grid_pixels: int

    @property
    def years(self) -> int:
        """Mapped."""
        return len(self.region.years)

    @property
    def trees(self) -> int:
        """Of each forest."""
        return self.region.settings.hybrid.n_trees

    @cached_property
    def sites(self) -> int:
        """Sampled ones."""
        return 0 if self.samples is None else self.samples.table["site"].nunique()

    @cached_property
    def rows_of_ml(self) -> int:
        """Observations."""
        if self.samples is None:
            return _ROWS_OF_PAPER[1]
        return len(self.samples.table.drop_duplicates(["site", "year"]))

    @cached_property
    def rows_of_poml(self) -> int:
        """Observations, and every other year of a site from its first campaign on."""
        if self.samples is None:
            return _ROWS_OF_PAPER[0]
        if not self.region.settings.hybrid.w_p:
            return self.rows_of_ml
        first = self.samples.table.groupby("site")["year"].min().clip(lower=self.region.years[0])
        return int((self.region.years[-1] + 1 - first).clip(lower=1).sum())

    @property
    def folds(self) -> int:
        """Of the scores."""
        return self.region.settings.validation.folds

    @property
    def further_folds(self) -> int:
        """Of the intervals, where they are others than those of the scores."""
        intervals = self.region.settings.intervals
        folds = 0 if intervals is None else min(intervals.folds, self.sites)
        return 0 if folds == self.folds else folds

    def forests(self) -> list[tuple[float, int]]:
        """Rows of a forest, and how many such forests are grown."""
        kept, kept_further = (1 - 1 / max(folds, 2) for folds in (self.folds, self.further_folds))
        return [
            (self.rows_of_poml, 1),
            (self.rows_of_ml, 1),
            (self.rows_of_poml * kept, self.folds),
            (self.rows_of_ml * kept, self.folds),
            (self.rows_of_poml * kept_further, self.further_folds),
        ]

    @property
    def is_fitted(self) -> bool:
        """Whether mu_max and K_m are fitted in each fold."""
        return self.region.settings.rothc.mu_max is None

    @property
    def months(self) -> int:
        """Of a pixel, the spin-up included."""
        spinup = len(self.region.spinup_years) if self.region.settings.rothc.spinup == "real_years" else 1
        return 12 * (self.years + spinup)

    @cached_property
    def layers(self) -> int:
        """Maps of every year."""
        settings = self.region.settings
        intervals = 0 if settings.intervals is None else len(schema.interval_maps(settings.intervals.level))
        process = sum(len(schema.PROCESS_MAPS[kind]) for kind in settings.rothc.map_outputs)
        return len(schema.MODELS) + intervals + process

    @cached_property
    def change_maps(self) -> int:
        """Change and rate of each model, and limits and classes of one change."""
        intervals = self.region.settings.intervals
        limits = 0 if intervals is None else len(schema.change_interval_maps(intervals.level)) + 1
        return 2 * len(schema.MODELS) + limits if self.years > 1 else 0

    @property
    def maps(self) -> int:
        """GeoTIFFs."""
        return self.layers * self.years + self.change_maps

    @property
    def nodes(self) -> float:
        """Of the two forests that map."""
        leaf = self.region.settings.hybrid.min_samples_leaf
        return _NODES_PER_ROW * (self.rows_of_poml + self.rows_of_ml) * self.trees / leaf
