"""Samples that are used, and rows that are not, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from poml_map.errors import Problems
from poml_map.tables import listed

_MERGED = "merged into a mean"
_MEASURED = ["soc", "bulk_density", "coarse_fragments", "stock"]


@dataclass(frozen=True)
class Samples:
    """Samples that are used and rows that are not.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a sample: ``site`` (text), ``year``, ``x``, ``y`` (grid CRS), ``soc`` [g/kg],
        ``bulk_density`` [g/cm3], ``coarse_fragments`` [1], ``stock`` [kg/m2] (NaN until `with_stock`, unless
        the file has it). Index: line (or number of the feature) in the file.
    dropped : pandas.DataFrame
        ``line``, ``site``, ``year``, ``reason`` of every row that is not used.
    n_in : int
        Rows of the file: those of `table` and of `dropped` together.
    file : str
        As the user wrote it.
    """

    table: pd.DataFrame
    dropped: pd.DataFrame
    n_in: int
    file: str

    @classmethod
    def of(cls, table: pd.DataFrame, file: str) -> Samples:
        """All rows of a table, none dropped yet."""
        nothing = pd.DataFrame({"line": [], "site": [], "year": [], "reason": []})
        return cls(table, nothing, len(table), file)

    @property
    def sites(self) -> pd.DataFrame:
        """One row a site, in order of first appearance: ``site``, ``x``, ``y``."""
        return self.table.drop_duplicates("site")[["site", "x", "y"]].reset_index(drop=True)

    @property
    def campaigns(self) -> list[int]:
        """The sampling years."""
        return sorted(int(year) for year in self.table["year"].unique())

    def in_order(self) -> Samples:
        """By site and year, whatever the order of the file.

        Sums over sites differ in their last digit by the order of the sites, and trees by what they are grown on.
        """
        return replace(self, table=self.table.sort_values(["site", "year"]))

    def counts(self) -> dict:
        """Rows in, used and dropped by reason; sites and samples by year."""
        years = self.table["year"].value_counts().sort_index()
        reasons = self.dropped["reason"].value_counts()
        sites = self.table.drop_duplicates("site")
        return {
            "n_in": self.n_in,
            "n_used": len(self.table),
            "n_dropped": {str(reason): int(count) for reason, count in reasons.items()},
            "n_sites": len(sites),
            "samples_by_year": {str(year): int(count) for year, count in years.items()},
            "sites_with_one_campaign": int((self.table.groupby("site")["year"].nunique() == 1).sum()),
            "sites_outside_mask": int((~sites["in_mask"]).sum()) if "in_mask" in sites else 0,
        }

    def without(self, reasons: pd.Series) -> Samples:
        """Less the rows that have a reason.

        Parameters
        ----------
        reasons : pandas.Series of str
            One for each row of `table`; empty where the row is used.
        """
        out = reasons != ""
        if not out.any():
            return self
        rows = self.table[out]
        more = pd.DataFrame(
            {"line": rows.index, "site": rows["site"], "year": rows["year"], "reason": reasons[out]}
        )
        parts = [part for part in (self.dropped, more) if len(part)]
        return replace(self, table=self.table[~out], dropped=pd.concat(parts, ignore_index=True))

    def merged(self) -> Samples:
        """The mean of what was measured more than once at a site in a year; the later rows are listed."""
        keys = ["site", "year"]
        again = self.table.duplicated(keys)
        if not again.any():
            return self
        table = self.table.copy()
        table[_MEASURED] = table.groupby(keys)[_MEASURED].transform("mean")
        return replace(self, table=table).without(again.map({True: _MERGED, False: ""}))

    def check_dropped(self, limit: float, problems: Problems) -> None:
        """Note a problem if more than the share `limit` of all rows, or every row, cannot be used."""
        lost = self.dropped[self.dropped["reason"] != _MERGED]
        # With a little room: 0.29 * 100 is less than 29 to a computer.
        if len(lost) <= limit * self.n_in + 1e-9 and len(self.table):
            return
        mend = "Mend the rows, or raise `samples.max_dropped`."
        if self.table.empty:
            mend = "Check units, years, area and sources."
        found = f"{len(lost)} of {self.n_in} rows that cannot be used: {_by_reason(lost)}"
        problems.add(self.file, "", found, f"at most {100 * limit:g} %", mend)


def _by_reason(dropped: pd.DataFrame) -> str:
    parts = []
    for reason, rows in dropped.groupby("reason", sort=False):
        sites = pd.unique(rows["site"])
        parts.append(f"{len(rows)} x {reason} (site{'s'[: len(sites) > 1]} {listed(sites)})")
    return "; ".join(parts)
