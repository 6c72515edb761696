"""Compiled functions: one decorator, and a word to the user while the first call compiles.

numba is imported where it is needed, never when this module is.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager

log = logging.getLogger(__name__)


def compiled(function=None, **options):
    """Compile a function with numba: without the interpreter's lock, kept on disk for the next process.

    Sums are not reordered and NaN keeps its meaning; only a * b + c may be rounded once instead of twice.

    Where neither the package's folder nor the user's cache folder can be written, it is compiled in every process.
    numba takes a kept function as fresh by the file it stands in, so what it calls should stand there too.

    Parameters
    ----------
    function : callable
        In the part of Python that numba knows.
    **options
        Further options of ``numba.njit``, such as ``inline="always"``.

    Returns
    -------
    callable

    Examples
    --------
    >>> @compiled
    ... def double(x):
    ...     return 2.0 * x
    >>> double(21.0)
    42.0
    """
    if function is None:
        return lambda decorated: compiled(decorated, **options)
    from numba import njit

    options = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy", "cache": True, **options}
    try:
        return njit(function, **options)
    except RuntimeError:  # numba's answer where no folder takes the cache
        return njit(function, **options | {"cache": False})


@contextmanager
def announced(what: str, seconds: float):
    """Tell the user, while it lasts, that functions of this package are being compiled.

    Silent where they come from the cache on disk or are compiled already.

    Parameters
    ----------
    what : str
        What is compiled, as in "RothC".
    seconds : float
        About how long that takes. [s]

    Examples
    --------
    >>> with announced("the forest", seconds=20):
    ...     pass
    """
    from numba.core import event

    listener = _listener(what, seconds)
    with event.install_listener("numba:compile", listener):
        yield
    if listener.began is not None:
        log.info("%s compiled in %.0f s", what, listener.ended - listener.began)


def _listener(what: str, seconds: float):
    """numba's compiler calls this at the start and end of each function that no cache has."""
    from numba.core import event

    class Announcing(event.Listener):
        began = ended = None

        def on_start(self, event):
            if self.began is None and _is_ours(event):
                log.info("compiling %s, once after installation: about %.0f s", what, seconds)
                self.began = self.ended = time.monotonic()

        def on_end(self, event):
            if self.began is not None and _is_ours(event):
                self.ended = time.monotonic()

    return Announcing()


def _is_ours(event) -> bool:
    return event.data["dispatcher"].py_func.__module__.startswith("poml_map")
