"""The running service's state, and the way of pictures through it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from PIL import Image

from fashionlab.common.cores import usable_cores
from fashionlab.common.errors import FashionlabError
from fashionlab.deploy.rules import Answers
from fashionlab.serve import intake
from fashionlab.serve.batching import Batcher
from fashionlab.serve.intake import Sent
from fashionlab.serve.limits import Budget, Limits, Refused
from fashionlab.serve.logs import log_event
from fashionlab.serve.metrics import Metrics
from fashionlab.serve.model import Model, load_model

# Below these, work is done at once in the thread that serves requests: handing it over would take longer.
SMALL_BODY = 32 << 10
_SMALL_PIXELS = 128 * 128
T = TypeVar("T")


class Service:
    """Answers pictures with the artifact at `source`, and reads it again when told to.

    Raises what `load_model` raises. `draining`: it was told to end; what comes now is still answered.
    """

    def __init__(self, source: str, limits: Limits | None = None, threads: int | None = None) -> None:
        Image.init()  # Pillow's plug-ins, which else the first picture that is no PNG, JPEG or WebP would wait for
        self.source, self.limits, self.threads = source, limits or Limits(), threads
        self.model: Model = load_model(source, threads)
        self.draining = False
        self.waiting = Budget(self.limits.queue, "pictures are waiting")
        self.bodies = Budget(self.limits.held, "requests are being received")
        # Of pictures large enough to be decoded apart: as many pixels as two requests may have for each core.
        self.pixels = Budget(2 * usable_cores() * self.limits.pixels, "large pictures are waiting")
        self.metrics = Metrics(lambda: self.model, lambda: self.waiting.held)
        self.batcher = Batcher(self.limits.batch, self.metrics.batch)
        self._decoders = ThreadPoolExecutor(usable_cores(), "decoder")
        self._reloading: asyncio.Task[None] | None = None
        self._once_more = False

    async def answer(self, body: bytes, content_type: str) -> tuple[Model, list[Sent], np.ndarray, Answers]:
        """The model that answered, the pictures as they came and in its form, uint8 [N, C, H, W], and the answers.

        Raises Refused; with "too-late" after `limits.answer_seconds`.
        """
        try:
            async with asyncio.timeout(self.limits.answer_seconds):
                model = self.model
                read = functools.partial(intake.read, body, content_type, model.classifier, self.limits)
                sent = read() if len(body) <= SMALL_BODY else await self._apart(read)
                with self.waiting.taken(len(sent)):
                    pictures = await self._decoded(sent, model)
                    return model, sent, pictures, await self.batcher.ask(pictures, model)
        except TimeoutError:
            raise Refused("too-late", f"no answer within {self.limits.answer_seconds:g} s; try again") from None

    async def _decoded(self, sent: list[Sent], model: Model) -> np.ndarray:
        look = functools.partial(intake.look, sent, self.limits)
        size = sum(len(picture.content) for picture in sent)
        pixels, looked = look() if size <= SMALL_BODY else await self._apart(look)
        decode = functools.partial(intake.decode, sent, looked, model.classifier)
        if pixels <= _SMALL_PIXELS:
            return decode()
        with self.pixels.taken(pixels):
            return await self._apart(decode)

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, work)

    def reload_soon(self) -> None:
        """Read the artifact again beside the running one, in this event loop's time. Calls during that are one more."""
        self._once_more = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._reload_all())

    async def _reload_all(self) -> None:
        while self._once_more:
            self._once_more = False
            await self.reload()

    async def reload(self) -> None:
        """Requests go on being answered by the old artifact, and what it has begun it ends. One that cannot be read
        changes nothing but the log."""
        began = time.monotonic()
        try:
            model = await asyncio.to_thread(load_model, self.source, self.threads)
        except Exception as error:  # whatever a foreign artifact does to libraries, the old one goes on
            self.metrics.reloaded("failed")
            known = isinstance(error, FashionlabError | OSError)
            log_event("reload failed, the old artifact goes on", "error", artifact=self.source,
                      reason=str(error) if known else f"{type(error).__name__}: {error}")
            return
        self.model = model
        self.metrics.reloaded("done")
        log_event("reloaded", artifact=self.source, sha256=model.sha256, seconds=round(time.monotonic() - began, 3))

    def close(self) -> None:
        self.batcher.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)
