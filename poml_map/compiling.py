"""Compiled functions: one decorator, and a word to the user while the first call compiles.

numba is imported where it is needed, never when this module is.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import time
from contextlib import contextmanager
from numbers import Number

log = logging.getLogger(__name__)

_under_way: set[str] = set()


def compiled(function=None, **options):
    """Compile a function with numba: without the interpreter's lock, kept on disk for the next process.

    Sums are not reordered and NaN keeps its meaning; only a * b + c may be rounded once instead of twice.

    What is on disk is taken only if the function, its file, and the constants and compiled functions that it names are
    what they were. Where neither the package's folder nor the user's cache folder can be written, it is compiled
    in every process.

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
    # numba asks whether the file of the function is unchanged, not what it takes from other files: without this mark
    # in the name of the kept file, a new version would go on with a constant or a helper of the old one.
    function.fingerprint = _fingerprint(function)
    function.__qualname__ += f"_{function.fingerprint}"
    try:
        return njit(function, **options)
    except RuntimeError:  # numba's answer where no folder takes the cache
        return njit(function, **options | {"cache": False})


def _fingerprint(function) -> str:
    """Of the function's text and of the global constants, compiled functions and intrinsics that it names."""
    try:
        parts = [inspect.getsource(function)]
    except OSError:  # typed at a prompt
        parts = []
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, Number | str | tuple):
            parts.append(f"{name} = {value!r}")
        elif hasattr(value, "py_func"):
            parts.append(f"{name}: {value.py_func.fingerprint}")
        elif hasattr(value, "_defn"):  # an intrinsic of numba: machine code that its module writes
            parts.append(f"{name}: {inspect.getsource(inspect.getmodule(value._defn))}")
    parts.append(
        os.environ.get("NUMBA_BOUNDSCHECK", "")
    )  # numba itself mixes checked and unchecked code on disk
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


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
    try:
        with event.install_listener("numba:compile", listener):
            yield
    finally:
        if listener.began is not None:
            _under_way.discard(what)
            log.info("%s compiled in %.0f s", what, listener.ended - listener.began)


def _listener(what: str, seconds: float):
    """numba's compiler calls this at the start and end of each function that no cache has."""
    from numba.core import event

    class Announcing(event.Listener):
        began = ended = None

        def on_start(self, event):
            # Threads that need the same functions all hear of it; the first one speaks.
            if self.began is None and what not in _under_way and _is_ours(event):
                _under_way.add(what)
                log.info("compiling %s, once after installation: about %.0f s", what, seconds)
                self.began = self.ended = time.monotonic()

        def on_end(self, event):
            if self.began is not None and _is_ours(event):
                self.ended = time.monotonic()

    return Announcing()


def _is_ours(event) -> bool:
    return event.data["dispatcher"].py_func.__module__.startswith("poml_map")
