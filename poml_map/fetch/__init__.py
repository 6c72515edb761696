"""Bringing the region's part of published sources from their servers: the only part of the program with a network.

`Bringer` makes one file in the cache, `run_jobs` many, each into its place. Which window of a raster a region needs is
told by a `Place`, made by the pipeline from the cube's own geometry.
"""
