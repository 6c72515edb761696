"""Maps of a random forest, many times faster than row by row: boxes, from coarse to fine.

Within a few hundred metres and one year covariates span little, so nearly every node of every tree is decided before
a single pixel is looked at. The modules follow that thought, and `docs/forest-engine.md` tells it with pictures:

1. `flatten`: the forest as one list of items, thresholds in float32, leaf values as whole numbers.
2. `blocks`: a tile cut into windows of 64 x 64 pixels, windows into blocks of 8 x 8; the box (smallest and largest
   value of every covariate) of each.
3. `windows`: of every tree only what the box of a window leaves open is kept, for up to 64 windows at once.
4. `rows`: what is kept is walked once for the 64 blocks of a window; only nodes that a block's box leaves open compare
   its 64 pixels, all at once.
5. `spread`: deviation and quantiles of the values that the single trees give.
6. `engine`: what the user calls.

`vectors` holds the operations on 64 lanes that all this is made of.
"""

from .engine import CompiledForest, ForestMaps, compile_forest
from .flatten import UnsupportedForest
from .plain import plain_maps

__all__ = ["CompiledForest", "ForestMaps", "UnsupportedForest", "compile_forest", "plain_maps"]
