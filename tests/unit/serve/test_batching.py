"""Micro-batching: every request gets its own answers, from its own model, whatever else is in the batch."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from fashionlab.deploy.opening import open_classifier
from fashionlab.serve.batching import Batcher
from fashionlab.serve.limits import Budget, Refused
from fashionlab.serve.model import Model, load_model


@pytest.fixture(scope="module")
def model(toy_artifact) -> Model:
    return load_model(str(toy_artifact), threads=1)


@pytest.fixture
def calls() -> list[int]:
    return []


@pytest.fixture
def batcher(calls):
    batcher = Batcher(8, lambda model, answers, figures: calls.append(len(answers.outlier)))
    yield batcher
    batcher.close()


def random(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 1, 28, 28)).astype(np.uint8)


def test_requests_that_wait_are_answered_together_each_with_its_own(batcher, calls, model, toy_artifact):
    requests = [random(n, seed) for seed, n in enumerate([1, 3, 1, 1, 8, 20, 1, 2, 1, 1, 1])]

    async def ask():
        return await asyncio.gather(*(batcher.ask(pictures, model) for pictures in requests))

    all_answers = asyncio.run(ask())
    classifier = open_classifier(toy_artifact)
    for pictures, answers in zip(requests, all_answers, strict=True):
        expected = classifier.answer(pictures)
        np.testing.assert_allclose(answers.probabilities, expected.probabilities, atol=1e-5)
        np.testing.assert_array_equal(answers.sets, expected.sets)
        np.testing.assert_allclose(answers.outlier_score, expected.outlier_score, rtol=1e-4)
        assert len(answers.outlier) == len(pictures)
    assert calls == [6, 8, 20, 6], "in order, at most 8 but where one request has more"


def test_what_gathers_while_the_network_works_is_the_next_batch(model):
    calls, working, go_on = [], threading.Event(), threading.Event()

    def observe(model, answers, figures):
        calls.append(len(answers.outlier))
        working.set()
        go_on.wait(60)

    async def ask():
        first = asyncio.create_task(batcher.ask(random(1, 0), model))
        await asyncio.to_thread(working.wait)
        others = [asyncio.create_task(batcher.ask(random(1, seed), model)) for seed in range(5)]
        await asyncio.sleep(0)
        others[2].cancel()
        go_on.set()
        await asyncio.gather(first, *others, return_exceptions=True)

    batcher = Batcher(64, observe)
    asyncio.run(ask())
    batcher.close()
    assert calls == [1, 4], "one has gone, and the network does not work for it"


def test_a_batch_has_one_model(batcher, calls, model, toy_artifact):
    other = load_model(str(toy_artifact), threads=1)

    async def ask():
        await asyncio.gather(*(batcher.ask(random(1, seed), asked) for seed, asked in enumerate(
            [model, model, other, other, other, model])))

    asyncio.run(ask())
    assert calls == [2, 3, 1]


def test_a_batch_that_fails_does_not_hold_up_the_next(batcher, model):
    async def ask():
        wrong = batcher.ask(np.zeros((1, 1, 5, 5), np.uint8), model)
        return await asyncio.gather(wrong, batcher.ask(random(8, 1), model), return_exceptions=True)

    failed, answered = asyncio.run(ask())
    assert isinstance(failed, Exception) and len(answered.outlier) == 8


def test_a_budget_gives_back_what_it_lent():
    budget = Budget(10, "things")
    with budget.taken(7):
        with pytest.raises(Refused) as refused:
            budget.take(4)
        assert refused.value.reason == "overloaded" and budget.held == 7
        with pytest.raises(KeyError), budget.taken(3):
            raise KeyError
    assert budget.held == 0
