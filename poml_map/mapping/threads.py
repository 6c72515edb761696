"""How many threads, and tiles in them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import joblib

# Beyond, memory grows and speed hardly does: the disk and the memory bus are shared.
_MOST_WORKERS = 6


def threads_to_start(workers: int | None) -> int:
    """What was asked for, or one thread for each core that this process may use, six at most.

    In a thread that someone else started, such as one of dask's, one: who started it has shared out the cores.

    Parameters
    ----------
    workers : int, optional

    Examples
    --------
    >>> threads_to_start(3)
    3
    """
    if workers is not None:
        return workers
    if threading.current_thread() is not threading.main_thread():
        return 1
    return min(joblib.cpu_count(), _MOST_WORKERS)


def in_threads(task: Callable, parts: Iterable, workers: int | None = None) -> list:
    """Results in the order of the parts, which is also that in which they are begun; the first error stops them all.

    Parameters
    ----------
    task : callable
        Called with each part.
    parts : iterable
    workers : int, optional
        See `threads_to_start`.

    Examples
    --------
    >>> in_threads(abs, [-1, 2, -3], workers=2)
    [1, 2, 3]
    """
    threads = threads_to_start(workers)
    if threads == 1:
        return [task(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(task, part) for part in parts]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            pool.shutdown(cancel_futures=True)
    failed = [each.exception() for each in futures if not each.cancelled() and each.exception()]
    if failed:
        raise failed[0]
    return [each.result() for each in futures]
