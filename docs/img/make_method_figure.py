"""Draws docs/img/method.svg, the parts of the method and what flows between them.

python docs/img/make_method_figure.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).parent
DATA, PROCESS, FOREST = "#f3ead7", "#d9e8d4", "#d7e3f0"
EDGE, INK = "#6b6457", "#222222"
WIDTH, HEIGHT, STEP, DROP = 1.72, 0.92, 2.1, 1.22  # inches

#: name -> (column, row, head, lines, colour). Rows count from above.
BOXES = {
    "cube": (0, 0, "Cube", "climate, NDVI, terrain,\nsoil, fertilizer: every\npixel, every year", DATA),
    "samples": (0, 1, "Samples", "stocks of two\ncampaigns or more\n(Eq. 1)", DATA),
    "rothc": (1, 0, "RothC at sites", "spun up to the first\nstock (Eq. 6, 7), then\nfitted (Eq. 2-5)", PROCESS),
    "simulated": (2, 0, "Simulated rows", "years that nobody\nsampled; together\nof weight w_p", PROCESS),
    "observed": (2, 1, "Observed rows", "campaigns; together\nof weight 1 - w_p", DATA),
    "poml": (3, 0, "POML", "forest on both (Eq. 8):\nannual maps, with\nintervals", FOREST),
    "ml": (3, 1, "ML", "the same forest on\nobserved rows:\nannual maps", FOREST),
    "po": (3, 2, "PO", "RothC at every pixel,\nfrom ML's first year:\nannual maps", PROCESS),
}  # fmt: skip

#: from, side, to, side.
ARROWS = [
    ("cube", "e", "rothc", "w"), ("samples", "ne", "rothc", "sw"), ("rothc", "e", "simulated", "w"),
    ("samples", "e", "observed", "w"), ("simulated", "e", "poml", "w"), ("observed", "ne", "poml", "sw"),
    ("observed", "e", "ml", "w"), ("ml", "s", "po", "n"), ("rothc", "s", "po", "w"),
]  # fmt: skip


def place(name: str) -> tuple[float, float]:
    """Middle of a box."""
    column, row, *_ = BOXES[name]
    return column * STEP, -row * DROP


def end(name: str, side: str) -> tuple[float, float]:
    """Where an arrow meets a box."""
    x, y = place(name)
    across = {"e": 0.5, "w": -0.5, "ne": 0.5, "sw": -0.5}.get(side, 0) * WIDTH
    up = {"n": 0.5, "s": -0.5, "ne": 0.3, "sw": -0.3}.get(side, 0) * HEIGHT
    return x + across, y + up


def main() -> None:
    """Draw and save."""
    plt.rcParams.update({"svg.hashsalt": "method", "font.size": 9.4})
    figure, axes = plt.subplots(figsize=(8.3, 3.6))
    for start, side, goal, other in ARROWS:
        bent = "angle,angleA=-90,angleB=0,rad=6" if (side, other) == ("s", "w") else "arc3"
        style = {
            "arrowstyle": "-|>",
            "color": EDGE,
            "lw": 1.3,
            "connectionstyle": bent,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        axes.annotate("", end(goal, other), end(start, side), arrowprops=style)
    for name, (_, _, head, lines, colour) in BOXES.items():
        x, y = place(name)
        corner = x - WIDTH / 2, y - HEIGHT / 2
        look = {"boxstyle": "round,pad=0,rounding_size=0.08", "fc": colour, "ec": EDGE, "lw": 1.1}
        axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, **look))
        axes.text(x, y + 0.28, head, ha="center", va="center", weight="bold", color=INK)
        axes.text(x, y - 0.13, lines, ha="center", va="center", size=8.1, color=INK, linespacing=1.2)
    axes.set(xlim=(-WIDTH / 2 - 0.1, 3 * STEP + WIDTH / 2 + 0.1), ylim=(-2 * DROP - 0.55, 0.55))
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(HERE / "method.svg", bbox_inches="tight", facecolor="white", metadata={"Date": None})


if __name__ == "__main__":
    main()
