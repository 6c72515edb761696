"""Many regions: each in a process of its own, so that what befalls one never reaches another.

`plan` says which regions, `pool` runs them within the limits, `summary` and `page` tell what came of each.
"""
