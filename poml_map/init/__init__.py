"""A first region file from samples and an area: what can be seen is written down, what cannot is named.

Nothing is asked and nothing guessed in silence: what the files do not tell is ``MISSING`` in region.yaml, and what was
taken for granted is listed at its top.
"""

from poml_map.init.run import init_region

__all__ = ["init_region"]
