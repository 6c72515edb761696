"""Which model is to be believed, by how much it is better, and in which years.

`folding` says who is held out, `fold` fits on the others, `evaluate` does so for every fold; `scores`, `differences`
and `importance` say what came out, `choice` chooses w_p without the sites that it is scored at, `leaks` makes sure
that nothing of a held-out site got into training.
"""

from .differences import difference_rows
from .evaluate import Evaluation, evaluate
from .folding import Folding, random_folding
from .leaks import place_groups, refuse_leaky_process
from .models import KNOWS_FIRST, MODELS
from .score_tables import score_rows

__all__ = [
    "KNOWS_FIRST",
    "MODELS",
    "Evaluation",
    "Folding",
    "difference_rows",
    "evaluate",
    "place_groups",
    "random_folding",
    "refuse_leaky_process",
    "score_rows",
]
