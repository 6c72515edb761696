"""Which sites are held out together: one number for each site, the same in all years and for all models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..folds import site_folds


@dataclass(frozen=True)
class Folding:
    """One way to divide the sites into folds.

    Attributes
    ----------
    name : str
        Such as ``"random"``.
    fold : ndarray (sites,) of int
        Sites of one number are held out together; at least two numbers.
    repeat : int
        Of several foldings of one name; each is drawn anew.
    group : ndarray (sites,) of int, optional
        Sites of one number are no tests of each other: those of one place, or of one block. Default: every site is one.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or there is not one group for each site.

    Examples
    --------
    >>> [held_out.tolist() for held_out in Folding("random", np.array([1, 0, 1])).held_out()]
    [[False, True, False], [True, False, True]]
    """

    name: str
    fold: np.ndarray
    repeat: int = 0
    group: np.ndarray | None = None

    def __post_init__(self):
        group = np.arange(len(self.fold)) if self.group is None else np.asarray(self.group)
        if group.shape != np.shape(self.fold):
            raise ValueError(
                f"the folding {self.name!r} has {len(self.fold)} folds and groups of shape {group.shape}, expected one "
                "of each for every site. Mend: give groups in the order of the sites."
            )
        object.__setattr__(self, "group", group)
        if len(self.numbers) < 2:
            raise ValueError(
                f"the folding {self.name!r} has {len(self.numbers)} fold for {len(self.fold)} sites, expected two or "
                "more. Mend: give more sites, or blocks that are smaller."
            )

    @property
    def numbers(self) -> np.ndarray:
        """Fold numbers, ascending."""
        return np.unique(self.fold)

    def held_out(self) -> Iterator[np.ndarray]:
        """(sites,) of bool for each fold: the sites that it holds out."""
        for number in self.numbers:
            yield self.fold == number


def random_folding(sites, n_folds: int = 5, seed: int = 0, places=None, repeat: int = 0) -> Folding:
    """Folds drawn at random over places.

    Parameters
    ----------
    sites : array_like (sites,)
        Different ids.
    n_folds, seed : int
        As in `poml_map.hybrid.site_folds`. Repeat r takes the seed `seed` + r.
    places : array_like (sites,) of int, optional
        Sites of one number stay together, see `leaks.place_groups`; default every site is a place.
    repeat : int

    Returns
    -------
    Folding
        That of `site_folds` where every site is a place of its own, whatever the order of the sites.

    Raises
    ------
    ValueError
        If there are fewer places than folds.

    Examples
    --------
    >>> random_folding(["a", "b", "c", "d"], 2, places=[0, 0, 1, 2]).fold[:2].tolist()
    [0, 0]
    """
    sites = np.asarray(sites)
    places = np.arange(len(sites)) if places is None else np.asarray(places)
    # A place goes by the smallest id of its sites, so that neither their order nor their numbers matter.
    order = np.argsort(sites, kind="stable")
    _, first, number = np.unique(places[order], return_index=True, return_inverse=True)
    names = np.empty_like(sites)
    names[order] = sites[order][first][number]
    return Folding("random", site_folds(names, n_folds, seed + repeat), repeat, places)
