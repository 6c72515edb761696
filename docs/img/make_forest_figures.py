"""Draws the figures of docs/forest-engine.md from the benchmark's region: python docs/img/make_forest_figures.py"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))
from forest_region import COVARIATES, canonical_forest, make_region  # noqa: E402

from poml_map.hybrid.boxes.batch import Work  # noqa: E402
from poml_map.hybrid.boxes.blocks import lay_out  # noqa: E402
from poml_map.hybrid.boxes.flatten import flatten  # noqa: E402
from poml_map.hybrid.boxes.order import order_pixels  # noqa: E402
from poml_map.hybrid.boxes.shared import share  # noqa: E402
from poml_map.hybrid.boxes.tile import as_tile  # noqa: E402

LEFT, OPEN, RIGHT, NONE = "#4c8bb5", "#f2c14e", "#7a9e57", "#eeeeee"
YEAR = 10
plt.rcParams.update({"font.size": 9, "figure.dpi": 110, "savefig.bbox": "tight"})


def save(figure, name):
    """As a small PNG beside this script."""
    figure.savefig(HERE / name, pil_kwargs={"optimize": True})
    plt.close(figure)


def of_tile(region, rows, cols):
    """Covariates of one year, and the mask."""
    layers = region.tile(rows, cols)
    return [v if v.ndim == 2 else v[YEAR : YEAR + 1] for v in layers], region.mask[rows, cols]


def draw_boxes(region):
    """What a threshold decides for blocks of 8 x 8 pixels before a pixel is looked at."""
    place = slice(500, 564), slice(300, 364)
    features, _ = of_tile(region, *place)
    values = features[COVARIATES.index("NDVI_JJA")][0]
    threshold = np.quantile(values, 0.55)
    blocks = values.reshape(8, 8, 8, 8).transpose(0, 2, 1, 3).reshape(8, 8, -1)
    state = np.where(blocks.max(-1) <= threshold, 0, np.where(blocks.min(-1) > threshold, 2, 1))
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.5))
    axes[0].imshow(values, cmap="YlGn")
    axes[0].contour(values, [threshold], colors="k", linewidths=0.8)
    axes[0].set_title(f"NDVI of a window in one year,\nand where it is {threshold:.3f}")
    axes[1].imshow(
        state, cmap=ListedColormap([LEFT, OPEN, RIGHT]), extent=(-0.5, 63.5, 63.5, -0.5), vmin=0, vmax=2
    )
    axes[1].contour(values, [threshold], colors="k", linewidths=0.8)
    n = np.bincount(state.ravel(), minlength=3)
    axes[1].set_title(
        f"node 'NDVI <= {threshold:.3f}': {n[0]} blocks go left,\n{n[2]} right, {n[1]} stay open"
    )
    for axis in axes:
        axis.set_xticks(np.arange(-0.5, 64, 8), labels=[])
        axis.set_yticks(np.arange(-0.5, 64, 8), labels=[])
        axis.grid(color="w" if axis is axes[1] else "#999999", linewidth=0.6)
    save(figure, "forest-boxes.png")


def draw_order(region):
    """Usable pixels along the curve, cut into blocks."""
    side = 48
    _, mask = of_tile(region, slice(560, 560 + side), slice(640, 640 + side))
    pixels = order_pixels(mask[np.newaxis], 1).pixels
    row, col = np.divmod(pixels.astype(int), side)
    picture = np.full((side, side), np.nan)
    picture[row, col] = (np.arange(len(pixels)) // 64 * 7) % 20
    figure, axis = plt.subplots(figsize=(4.4, 4.4))
    axis.imshow(picture, cmap="tab20", alpha=0.75)
    points = np.stack([col, row], axis=1)
    axis.add_collection(
        LineCollection(np.stack([points[:-1], points[1:]], axis=1), colors="k", linewidths=0.4)
    )
    axis.set_title(f"{len(pixels):,} usable pixels along a Hilbert curve:\neach colour is a block of 64")
    axis.set_xticks([])
    axis.set_yticks([])
    save(figure, "forest-order.png")


def draw_rows():
    """A block on its way through three nodes: masks are split, leaves fill them in."""
    random = np.random.default_rng(4)
    y, x = np.mgrid[0:8, 0:8]
    first = x + 0.5 * y + random.normal(0, 1.0, (8, 8))
    second = y - 0.3 * x + random.normal(0, 0.8, (8, 8))
    whole = np.ones((8, 8), bool)
    left = whole & (first <= 5.5)
    right = whole & ~left
    parts = {
        "all 64 pixels\nELEV <= 5.5 ?": (whole, (0.5, 0.86)),
        "left: SLP <= 2.1 ?": (left, (0.27, 0.5)),
        "right: SLP <= 3.4 ?": (right, (0.73, 0.5)),
        "leaf 3.91": (left & (second <= 2.1), (0.13, 0.13)),
        "leaf 4.37": (left & (second > 2.1), (0.38, 0.13)),
        "leaf 4.02": (right & (second <= 3.4), (0.62, 0.13)),
        "leaf 5.15": (right & (second > 3.4), (0.87, 0.13)),
    }
    figure = plt.figure(figsize=(7.2, 4.6))
    back = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    back.axis("off")
    places = [place for _, place in parts.values()]
    for above, below in ((0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6)):
        back.plot(*zip(places[above], places[below], strict=True), color="#999999", linewidth=1, zorder=0)
    for (name, (mask, (x0, y0))), colour in zip(
        parts.items(), [OPEN] * 3 + [LEFT, "#b6cfe0", RIGHT, "#c6d8b0"], strict=True
    ):
        axis = figure.add_axes((x0 - 0.07, y0 - 0.11, 0.14, 0.2))
        axis.imshow(mask, cmap=ListedColormap([NONE, colour]), vmin=0, vmax=1)
        axis.set_title(f"{name}\n({mask.sum()})" if "leaf" in name else name, fontsize=8)
        axis.set_xticks([])
        axis.set_yticks([])
    save(figure, "forest-rows.png")


def count_work(region, forest):
    """Nodes that are looked at on the way from the whole tree to a pixel, means over trees."""
    features, usable = of_tile(region, slice(300, 684), slice(300, 684))
    flat = flatten(forest)
    tile = as_tile(features, usable, len(COVARIATES))
    order = order_pixels(tile.usable, 1)
    windows = order.windows[:32]
    work = Work.empty(flat)
    batch = work.batch.first(len(windows))
    lay_out(batch, tile.covariates, order.pixels, windows)
    share(flat, work.trees, batch)
    counts, depth = [], []
    for number in range(2, len(windows), 6):  # a few windows and trees, which plain Python can walk
        low, high = (part[number].reshape(-1, 64) for part in (batch.low, batch.high))
        rows = batch.rows[number].reshape(-1, 64, 64)
        for tree in range(0, len(forest.trees_), 20):
            counts.append(_walk(work.trees, work.trees.first[tree], low, high, rows, np.ones((64, 64), bool)))
            depth.append(_nodes_on_the_way(forest.trees_[tree], rows))
    nodes = np.mean([tree.node_count for tree in forest.trees_])
    inner = (work.trees.items[: work.trees.first[-1]] >= 0).sum() / len(forest.trees_)
    looked_at, blocks = np.mean(counts, axis=0)
    return {
        "in a tree": (nodes - 1) / 2,
        f"left for {len(windows)} windows together": inner,
        "looked at for one window": looked_at,
        "compared in one block": blocks / 64,
        "compared per pixel": blocks / 4096,
        "compared per pixel, row by row": np.mean(depth),
    }


def _nodes_on_the_way(tree, rows):
    table = np.ascontiguousarray(rows.reshape(len(COVARIATES), -1).T[::37])
    return tree.decision_path(table).toarray()[:, tree.children_left >= 0].sum(axis=1).mean()


def _walk(trees, at, low, high, rows, masks):
    """Nodes looked at, and blocks whose pixels they compare: the walk of `rows`, in the open."""
    items = trees.items
    if items[at] < 0:
        return np.zeros(2)
    feature, threshold = int(items[at]) >> 32, np.uint32(int(items[at]) & 0xFFFFFFFF).view(np.float32)
    here = masks.any(axis=1)
    two_leaves = items[at + 1] & items[at + 2] < 0
    compared = here & (two_leaves | ~((high[feature] <= threshold) | (low[feature] > threshold)))
    counts = np.array([1.0, compared.sum()])
    below = rows[feature] <= threshold
    for child, part in ((at + 1, masks & below), (trees.right[at], masks & ~below)):
        if part.any():
            counts += _walk(trees, child, low, high, rows, part)
    return counts


def draw_counts(counts):
    """How little is left of a tree at each step."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    colours = ["#999999", LEFT, LEFT, OPEN, OPEN, "#999999"]
    bars = axis.barh(list(counts), list(counts.values()), color=colours)
    axis.bar_label(
        bars,
        labels=[f"{v:,.2f}" if v < 1 else f"{v:,.0f}" if v > 20 else f"{v:.1f}" for v in counts.values()],
        padding=3,
    )
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(0.05, 3e4)
    axis.set_xlabel("nodes with a question, mean over trees")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    save(figure, "forest-counts.png")


if __name__ == "__main__":
    the_region = make_region()
    draw_boxes(the_region)
    draw_order(the_region)
    draw_rows()
    found = count_work(the_region, canonical_forest(the_region))
    sys.stdout.write(f"{found}\n")
    draw_counts(found)
