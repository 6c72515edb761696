"""The maps of a run as layers of the page: read one by one, reduced where there are many pixels, in whole steps."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from poml_map.grid import Grid
from poml_map.products.geotiff import read_map
from poml_map.products.page.encode import MISSING, packed, packed_mask, quantised, span
from poml_map.products.place import block_mean
from poml_map.products.runfolder import RunFolder
from poml_map.schema import CHANGE_CLASSES, MODELS

#: Decimals that tables give of a stock; the step of the layers is the last of them.
DIGITS = {"kg/m2": 3, "t/ha": 2}
# Of one value of one year in the page: a forest's map is rough, so that its lowest byte cannot be saved.
_BYTES_A_VALUE = 1.5
_QUANTILE = re.compile(rf"((?:CHANGE_)?(?:{'|'.join(MODELS)}))_q(\d{{2,}})")
_CHANGE = re.compile(rf"CHANGE_({'|'.join(MODELS)})(_class)?")


@dataclass(frozen=True)
class _Source:
    """Files of a layer: for each frame one, none where the year has no map, or two whose difference is meant."""

    name: str
    kind: str
    model: str
    frames: list[list[Path]]


@dataclass(frozen=True)
class Layer:
    """Maps of one kind through the years.

    Attributes
    ----------
    name : str
        ``POML``, ``POML_q05``, ``CHANGE_ML``, ``CHANGE_POML_class`` ...
    kind : str
        ``stock``, ``low``, ``high``, ``change``, ``change_low``, ``change_high`` or ``class``.
    model : str
    values : ndarray of float32, shape (frame, y, x)
        One frame for each year of the page, or one alone for a change.
    """

    name: str
    kind: str
    model: str
    values: np.ndarray


@dataclass(frozen=True)
class Maps:
    """All layers on the grid of the page.

    Attributes
    ----------
    layers : list of Layer
    grid : Grid
        Of the page: that of the maps, or coarser by `block`.
    block : int
        `block` x `block` pixels of the maps became one, by their mean.
    digits : int
        Decimals of a stock; fewer than tables have only where a region's range is beyond 65534 steps.
    classes : dict of int -> int
        Pixels of the map by class of change, before reducing; empty without a map of classes.
    """

    layers: list[Layer]
    grid: Grid
    block: int
    digits: int
    classes: dict[int, int]

    def of(self, kind: str, model: str | None = None) -> Layer | None:
        """The layer of a kind, and of a model where there are several; None without one."""
        fitting = (each for each in self.layers if each.kind == kind and model in (None, each.model))
        return next(fitting, None)

    @cached_property
    def mask(self) -> np.ndarray:
        """Pixels with a value in any layer, shape (y, x)."""
        return np.any([np.isfinite(each.values).any(axis=0) for each in self.layers], axis=0)

    @cached_property
    def encoded(self) -> tuple[list[dict], dict[str, str]]:
        """What the script must know of each layer, and its packed text by name; ``mask`` is one of them."""
        mask = self.mask

        def pack(each: Layer) -> tuple[int, str]:
            return packed(quantised(each.values[:, mask], 0 if each.kind == "class" else self.digits))

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = list(pool.map(pack, self.layers))
        facts = [
            {"name": each.name, "kind": each.kind, "model": each.model, "offset": offset,
             "frames": len(each.values)}
            for each, (offset, _) in zip(self.layers, made, strict=True)
        ]  # fmt: skip
        texts = {each.name: text for each, (_, text) in zip(self.layers, made, strict=True)}
        return facts, {"mask": packed_mask(mask)} | texts


def read_maps(run: RunFolder, budget: int) -> Maps:
    """Read what the page shows, reduced by block means until it fits.

    Parameters
    ----------
    run : RunFolder
    budget : int
        For all packed texts together. [byte]
    """
    sources = list(_sources(run))
    values = int(np.isfinite(read_map(run.maps[0].path)).sum()) * sum(len(each.frames) for each in sources)
    block = max(1, int(math.sqrt(values * _BYTES_A_VALUE / budget)))
    while True:
        maps = _read(run, sources, block)
        if sum(map(len, maps.encoded[1].values())) <= budget or max(maps.grid.shape) == 1:
            return maps
        block += 1


def _sources(run: RunFolder) -> Iterator[_Source]:
    """Of every layer that the page shows; a change without a map of its own is last minus first."""
    by_layer: dict[str, dict[int, Path]] = {}
    for made in run.maps:
        by_layer.setdefault(made.layer, {})[made.years[1]] = made.path
    for name, paths in by_layer.items():
        last = [[paths[max(paths)]]]
        annual = [[paths[year]] if year in paths else [] for year in run.years]
        if name in run.models:
            yield _Source(name, "stock", name, annual)
            if f"CHANGE_{name}" not in by_layer and len(paths) > 1:
                yield _Source(f"CHANGE_{name}", "change", name, [[paths[max(paths)], paths[min(paths)]]])
        elif found := _QUANTILE.fullmatch(name):
            end = "low" if float(f"0.{found[2]}") < 0.5 else "high"
            if name.startswith("CHANGE_"):
                yield _Source(name, f"change_{end}", found[1].removeprefix("CHANGE_"), last)
            else:
                yield _Source(name, end, found[1], annual)
        elif found := _CHANGE.fullmatch(name):
            yield _Source(name, "class" if found[2] else "change", found[1], last)


def _read(run: RunFolder, sources: list[_Source], block: int) -> Maps:
    layers, classes = [], {}
    for source in sources:
        if source.kind == "class":
            full = read_map(source.frames[0][0])
            classes = {each: int((full == each).sum()) for each in CHANGE_CLASSES}
            values = _most_frequent(full, block)[None]
        else:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                values = np.stack(list(pool.map(lambda paths: _frame(run, paths, block), source.frames)))
        layers.append(Layer(source.name, source.kind, source.model, values))
    a, b, c, d, e, f = run.grid.transform
    height, width = layers[0].values.shape[1:]
    grid = Grid(run.grid.crs, (a * block, b, c, d, e * block, f), width, height)
    return Maps(layers, grid, block, _digits(layers, DIGITS[run.unit]), classes)


def _frame(run: RunFolder, paths: list[Path], block: int) -> np.ndarray:
    if not paths:
        return block_mean(np.full(run.grid.shape, np.nan, np.float32), block)
    first, *others = (read_map(path) for path in paths)
    return block_mean(first - others[0] if others else first, block)


def _most_frequent(full: np.ndarray, block: int) -> np.ndarray:
    """Class of each block; where two are equally frequent "not detectable", NaN where all are missing."""
    known = np.isfinite(full)
    order = sorted(CHANGE_CLASSES, key=abs)
    shares = np.stack([block_mean(np.where(known, full == each, np.nan), block) for each in order])
    most = np.array(order, np.float32)[np.nan_to_num(shares, nan=-1).argmax(axis=0)]
    return np.where(np.isfinite(shares[0]), most, np.nan)


def _digits(layers: list[Layer], wished: int) -> int:
    """Decimals of which every layer's range fits; a peat of 100 kg/m2 beside sand does not with three."""
    for digits in range(wished, -1, -1):
        ranges = [span(quantised(each.values, digits)) for each in layers if each.kind != "class"]
        if all(largest - least < MISSING for least, largest in ranges):
            return digits
    return 0
