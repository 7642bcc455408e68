"""Map a function over batches in worker processes; results come back in input order."""

import gc
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


class Engine:
    """A pool of worker processes, one BLAS thread each, started when first needed.

    loky starts them by fork and exec with a main module of its own, so that it works from scripts without a
    main guard and from notebooks; a worker that dies raises instead of hanging.
    """

    def __init__(self, workers: int = 0) -> None:
        """Take the number of workers; 0 means one for each processor, 1 runs in this process."""
        self.workers = workers or os.cpu_count() or 1
        self._pool: Any = None

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield function(task) for each task in order, at most three tasks a worker under way at once."""
        if self.workers == 1:
            yield from map(function, tasks)
            return
        pool, pending = self._started(), deque[Any]()
        for task in tasks:
            with _uninterrupted():
                pending.append(pool.submit(function, task))
            if len(pending) >= 3 * self.workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()

    def _started(self) -> Any:  # noqa: ANN401 - loky has no types
        if self._pool is None:
            from multiprocessing import resource_tracker

            from loky import ProcessPoolExecutor

            if os.name == "posix":
                resource_tracker.ensure_running()  # when it starts it lets signals through again
            self._pool = ProcessPoolExecutor(
                max_workers=self.workers, env=_ONE_THREAD, initializer=_begin, initargs=(os.getpid(),)
            )
        return self._pool

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=kind is not None)
            self._pool = None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back: the workers that are started in here never see it, so that this process ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int) -> None:
    """Set up a worker: batches make many objects and hardly a cycle, so the collector looks more rarely."""
    gc.set_threshold(100_000, 50, 50)
    _follow(parent)


def _follow(parent: int) -> None:
    """End this worker soon after its parent, which may have been killed without a word to anyone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
