"""The models that are compared, and what each of them knows of a site that it never saw."""

from __future__ import annotations

#: Model -> what it is, in the order in which tables and figures show them.
MODELS = {
    "POML": "forest on observations and RothC simulations",
    "ML": "forest on observations only",
    "ML_T1": "forest on first campaigns only",
    "PO": "RothC from the site's own first stock",
    "PERSISTENCE": "the site's own first stock plus the mean change of the training sites",
    "YEAR_MEAN": "mean of the training sites in the year",
}

#: Models that start from the measured first stock of the very site they are scored at. They have no score there, and
#: no forest can be compared with them as if it had that number too.
KNOWS_FIRST = frozenset({"PO", "PERSISTENCE"})

#: Models that are forests: what costs time.
FORESTS = ("POML", "ML", "ML_T1")

#: Pairs whose difference is of interest: is the first better than the second?
PAIRS = (
    ("POML", "ML"),
    ("POML", "PO"),
    ("POML", "PERSISTENCE"),
    ("POML", "YEAR_MEAN"),
    ("ML", "YEAR_MEAN"),
    ("ML", "PERSISTENCE"),
    ("ML", "ML_T1"),
    ("PO", "PERSISTENCE"),
)
