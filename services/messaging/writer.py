"""One writer per process: requests that arrive together are committed together.

A transaction per request would wait for the disk once each and lock the same head rows in turn; a batch does both once
(rule 2). A request is answered after COMMIT has returned. When a batch fails through the fault of one request, its
requests are written one by one, so that only that one fails.
"""

import queue
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import structlog

from services.messaging import metrics
from services.messaging.errors import DependencyUnavailable, is_fault_of_a_message, is_transient
from services.messaging.settings import MessagingSettings

log = structlog.get_logger()

ATTEMPTS_MAX = 5  # deadlocks and lost connections pass within a few attempts; then the client is told to come back
RETRY_PAUSE_SECONDS = 0.05

Request = TypeVar("Request")
Result = TypeVar("Result")


class QueueFull(DependencyUnavailable):
    """More requests are waiting than the writer will accept."""


class Writer(Generic[Request, Result]):
    """Commits requests in batches. ``write`` answers a batch in one transaction, in request order."""

    def __init__(self, write: Callable[[Sequence[Request]], Sequence[Result]], settings: MessagingSettings) -> None:
        self._write = write
        self._batch_max = settings.writer_batch_requests_max
        self._waiting: queue.SimpleQueue[tuple[Request, Future[Result]] | None] = queue.SimpleQueue()
        self._waiting_max = settings.writer_queue_requests_max
        self._closed = False

    def submit(self, request: Request) -> Future[Result]:
        """Queue a request; the future is done once it is committed. Raises QueueFull."""
        if self._closed:
            raise QueueFull("this process is stopping")
        if self._waiting.qsize() >= self._waiting_max:
            raise QueueFull
        future: Future[Result] = Future()
        self._waiting.put((request, future))
        return future

    def close(self) -> None:
        """Accept nothing more; ``run`` ends after answering what was accepted."""
        self._closed = True
        self._waiting.put(None)

    def run(self) -> None:
        """Write until closed."""
        while (first := self._waiting.get()) is not None:
            batch, closed = self._gather(first)
            self._answer(batch)
            if closed:
                return

    def _gather(self, first: tuple[Request, "Future[Result]"]) -> tuple[list[tuple[Request, "Future[Result]"]], bool]:
        batch = [first]
        while len(batch) < self._batch_max:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        metrics.WRITER_QUEUE.set(self._waiting.qsize())
        return batch, False

    def _answer(self, batch: Sequence[tuple[Request, "Future[Result]"]]) -> None:
        """Write and answer; who has given up waiting is left out."""
        batch = [item for item in batch if item[1].running() or item[1].set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            results = self._attempt([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if len(batch) > 1 and is_fault_of_a_message(error):
                log.warning("writer_splits_batch", requests=len(batch), reason=str(error))
                for single in batch:
                    self._answer([single])
                return
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)

    def _attempt(self, requests: Sequence[Request]) -> Sequence[Result]:
        pause = threading.Event()
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with metrics.WRITER_BATCH_SECONDS.time():
                    results = self._write(requests)
            except Exception as error:
                if isinstance(error, DependencyUnavailable) or not is_transient(error):
                    raise
                log.info("writer_tries_again", attempt=attempt, reason=str(error).splitlines()[0])
                if attempt == ATTEMPTS_MAX:
                    raise DependencyUnavailable(f"the database cannot be written: {type(error).__name__}") from error
                pause.wait(random.uniform(0.5, 1) * RETRY_PAUSE_SECONDS * 2**attempt)  # noqa: S311 - a pause, not a secret
            else:
                metrics.WRITER_BATCH.observe(len(requests))
                return results
        raise AssertionError("unreachable")
