"""Maps of a random forest, many times faster than row by row: boxes, from coarse to fine.

Within a few hundred metres and one year covariates span little, so nearly every node of every tree is decided before
a single pixel is looked at. The modules follow that thought, and `docs/forest-engine.md` tells it with pictures:

1. `flatten`: the forest as one list of items, thresholds in float32, leaf values as whole numbers.
2. `order`: the pixels of a tile in an order in which neighbours stay together; 64 in a row are a block, 64 blocks a
   window.
3. `blocks`: the covariates block by block, and the box (smallest and largest value of every covariate) of each block
   and each window.
4. `shared`: up to 64 windows share a walk over the trees; nodes at which all go the same way are taken out.
5. `rows`: what is left is walked once for the 64 blocks of a window; only nodes that a block's box leaves open compare
   its 64 pixels, all at once.
6. `spread`: deviation and quantiles of the values that the single trees give.
7. `batch` and `engine`: some windows, and what the user calls.

`vectors` holds the operations on 64 lanes that all this is made of.
"""

from .engine import CompiledForest, ForestMaps, compile_forest
from .flatten import UnsupportedForest
from .plain import plain_maps

__all__ = ["CompiledForest", "ForestMaps", "UnsupportedForest", "compile_forest", "plain_maps"]
