"""The stages of one region in order: check, and run."""

from poml_map.pipeline.checks import check_region
from poml_map.pipeline.run import run_region

run = run_region


def check(region_file, deep: bool = False) -> list[str]:
    """What `check_region` found, as lines for people.

    Parameters
    ----------
    region_file : str or Path
    deep : bool
        Read every pixel of the area too.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        With every problem.
    """
    return check_region(region_file, deep).lines


__all__ = ["check", "check_region", "run", "run_region"]
