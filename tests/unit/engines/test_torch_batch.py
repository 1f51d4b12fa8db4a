"""Sequences that share a batch say what each would say alone, whoever joins or leaves beside them."""

import threading
from typing import Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from serve_app.engines.torch_batch import Batch, LogProbabilities, Runner, Sequence, Stopped
from training.demo.checkpoint import build_model
from training.demo.tokenizer import build_tokenizer

NEVER = frozenset({-1})


@pytest.fixture(scope="module")
def model() -> Qwen2VLForConditionalGeneration:
    return build_model(build_tokenizer("clara-vi-1"), seed=1).eval()


class Listener:
    """Collects what is told of one sequence."""

    def __init__(self, ids: list[int], max_tokens: int = 12, **choices: Any) -> None:
        tokens = torch.tensor([ids])
        inputs = {"input_ids": tokens, "mm_token_type_ids": torch.zeros_like(tokens)}
        self.told: list[int] = []
        self.logprobs: list[LogProbabilities | None] = []
        self.ends: list[BaseException | None] = []
        self.ended = threading.Event()
        stop_ids = choices.pop("stop_ids", NEVER)
        self.sequence = Sequence(inputs, max_tokens, stop_ids, self._on_token, self._on_end, **choices)

    def _on_token(self, token: int, logprobs: LogProbabilities | None) -> None:
        self.told.append(token)
        self.logprobs.append(logprobs)

    def _on_end(self, error: BaseException | None) -> None:
        self.ends.append(error)
        self.ended.set()


@torch.inference_mode()
def alone(model: Any, ids: list[int], **choices: Any) -> list[int]:
    listener, batch = Listener(ids, **choices), Batch(model)
    batch.join(listener.sequence)
    while batch.sequences:
        batch.step()
    assert listener.ends == [None]
    return listener.told


PROMPTS = ([40, 41, 42], [300, 20, 7, 9, 11, 500, 2], [99], [5] * 20)


def test_an_answer_is_what_the_stock_loop_generates(model: Qwen2VLForConditionalGeneration) -> None:
    for ids in PROMPTS:
        tokens = torch.tensor([ids])
        stock = model.generate(
            input_ids=tokens,
            attention_mask=torch.ones_like(tokens),
            mm_token_type_ids=torch.zeros_like(tokens),
            max_new_tokens=12,
            do_sample=False,
            eos_token_id=None,
        )
        assert alone(model, ids) == stock[0, len(ids) :].tolist()


@torch.inference_mode()
def test_who_joins_or_leaves_changes_nothing_for_the_others(model: Qwen2VLForConditionalGeneration) -> None:
    listeners = [Listener(ids, max_tokens=number) for ids, number in zip(PROMPTS, (12, 3, 12, 6), strict=True)]
    batch = Batch(model)
    for listener in listeners:
        batch.join(listener.sequence)
        batch.step()
    batch.keep([one is not listeners[2].sequence for one in batch.sequences])
    while batch.sequences:
        batch.step()
    for ids, listener in zip(PROMPTS, listeners, strict=True):
        expected = alone(model, ids)
        assert listener.told == expected[: len(listener.told)]
    assert [len(listener.told) for listener in listeners] == [12, 3, 3, 6]
    assert [listener.ends for listener in listeners] == [[None], [None], [], [None]]


def test_a_stop_token_ends_an_answer_and_is_told(model: Qwen2VLForConditionalGeneration) -> None:
    tokens = alone(model, PROMPTS[0])
    stop = next(token for token in tokens if token != tokens[0])
    told = alone(model, PROMPTS[0], stop_ids=frozenset({stop}))
    assert told == tokens[: tokens.index(stop) + 1]


def test_sampling_repeats_with_its_seed_and_tells_log_probabilities(model: Qwen2VLForConditionalGeneration) -> None:
    def sampled(seed: int) -> Listener:
        generator = torch.Generator().manual_seed(seed)
        listener = Listener(PROMPTS[0], temperature=1.0, top_p=0.9, num_logprobs=2, generator=generator)
        batch = Batch(model)
        with torch.inference_mode():
            batch.join(listener.sequence)
            while batch.sequences:
                batch.step()
        return listener

    one, again, other = sampled(1), sampled(1), sampled(2)
    assert one.told == again.told != other.told
    for token, told in zip(one.told, one.logprobs, strict=True):
        assert told is not None and told[token] <= 0 and 2 <= len(told) <= 3


def test_top_p_that_holds_one_token_is_greedy(model: Qwen2VLForConditionalGeneration) -> None:
    assert alone(model, PROMPTS[1], temperature=1.0, top_p=1e-9) == alone(model, PROMPTS[1])


def test_a_runner_admits_no_more_than_fit_and_ends_when_told(model: Qwen2VLForConditionalGeneration) -> None:
    runner = Runner(model, max_num_seqs=2)
    runner.start()
    listeners = [Listener(ids) for ids in PROMPTS]
    for listener in listeners:
        runner.put(listener.sequence)
    assert all(listener.ended.wait(60) for listener in listeners)
    assert [listener.told for listener in listeners] == [alone(model, ids) for ids in PROMPTS]
    runner.stop()
    assert not runner.is_alive


def test_everyone_is_told_when_the_model_fails() -> None:
    class Broken:
        device = torch.device("cpu")

        @property
        def model(self) -> Any:
            raise MemoryError

    runner = Runner(Broken(), max_num_seqs=2)
    listeners = [Listener(ids) for ids in PROMPTS]
    for listener in listeners:
        runner.put(listener.sequence)
    runner.start()
    assert all(listener.ended.wait(20) for listener in listeners)
    late = Listener(PROMPTS[0])
    runner.put(late.sequence)
    assert all(isinstance(listener.ends[0], MemoryError) for listener in (*listeners, late))
    assert not runner.is_alive


def test_who_still_waits_is_told_that_it_was_stopped(model: Qwen2VLForConditionalGeneration) -> None:
    runner = Runner(model, max_num_seqs=1)
    listeners = [Listener(ids, max_tokens=500) for ids in PROMPTS]
    for listener in listeners:
        runner.put(listener.sequence)
    stopper = threading.Thread(target=runner.stop)
    runner.start()
    stopper.start()
    assert all(listener.ended.wait(60) for listener in listeners)
    stopper.join()
    assert any(isinstance(listener.ends[0], Stopped) for listener in listeners)
    assert not runner.is_alive
