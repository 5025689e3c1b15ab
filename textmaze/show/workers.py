"""The processes that play transcripts, and play them again."""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from textmaze.errors import RunError

PART = 64  # episodes: the least for which another process pays, and what an interrupted transcript may lose


@contextlib.contextmanager
def workers(jobs: int, ended: str) -> Iterator[ProcessPoolExecutor]:
    """New Python processes: one that was forked while torch ran threads can lock up. RunError(ended) where one dies."""
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BrokenProcessPool:
        raise RunError(ended) from None
    finally:
        pool.shutdown(cancel_futures=True)  # what has been begun is ended, or its folder would be in use


def _begin() -> None:
    from textmaze.measure import one_thread

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches them too, and they have nothing to say
    one_thread()
