"""Micro-batching: all pictures that wait are answered by one call of the network."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fashionlab.deploy.rules import Answers
from fashionlab.serve.model import Model


@dataclass(frozen=True)
class _Waiting:
    """Pictures uint8 [N, C, H, W] of one request, the model in whose form they are, and who waits for the answers."""

    pictures: np.ndarray
    model: Model
    answers: asyncio.Future[Answers]


class Batcher:
    """Answers pictures in calls of at most `most` pictures (more only where one request brings more).

    While the network works in a thread of its own, requests gather; what has gathered is the next batch. So nobody
    waits for a batch to fill, and batches grow with the load. observe is told what each call answered, in that thread.
    """

    def __init__(self, most: int, observe: Callable[[Model, Answers, dict[str, np.ndarray]], None]) -> None:
        self.most, self.observe = most, observe
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "network")
        self._working: asyncio.Task[None] | None = None

    async def ask(self, pictures: np.ndarray, model: Model) -> Answers:
        """What `model` says of pictures in its form, N at least 1."""
        answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(pictures, model, answers))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await answers

    def close(self) -> None:
        self._thread.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._gather():
                try:
                    parts = await loop.run_in_executor(self._thread, self._answer, batch)
                except Exception as error:  # of one batch: those who wait for others must not wait for ever
                    for request in batch:
                        _settle(request.answers, error)
                    continue
                for request, part in zip(batch, parts, strict=True):
                    _settle(request.answers, part)
        finally:
            self._working = None

    def _gather(self) -> list[_Waiting]:
        """The next requests in order of arrival, all for the same model, without those that nobody waits for now."""
        batch: list[_Waiting] = []
        count = 0
        while self._waiting:
            request = self._waiting[0]
            if batch and (count + len(request.pictures) > self.most or request.model is not batch[0].model):
                break
            self._waiting.popleft()
            if not request.answers.done():
                batch.append(request)
                count += len(request.pictures)
        return batch

    def _answer(self, batch: list[_Waiting]) -> list[Answers]:
        model = batch[0].model
        pictures = batch[0].pictures if len(batch) == 1 else np.concatenate([request.pictures for request in batch])
        answers, figures = model.classifier.observe(pictures)
        self.observe(model, answers, figures)
        ends = np.cumsum([len(request.pictures) for request in batch]).tolist()
        return [_rows(answers, start, end) for start, end in zip([0, *ends], ends, strict=False)]


def _rows(answers: Answers, start: int, end: int) -> Answers:
    return Answers(answers.probabilities[start:end], answers.sets[start:end], answers.outlier_score[start:end],
                   answers.outlier[start:end])


def _settle(future: asyncio.Future[Answers], result: Answers | Exception) -> None:
    """Unless the client that waited has gone."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
