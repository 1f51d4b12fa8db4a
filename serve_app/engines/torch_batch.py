"""Continuous batching in plain PyTorch: sequences join and leave between two steps, each with its own sampling.

Runs on one thread, in torch's inference mode. Handles token ids and tensors only, no texts, requests or event loops.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

LogProbabilities = dict[int, float]
OnToken = Callable[[int, LogProbabilities | None], None]


@dataclass(eq=False, slots=True)
class Sequence:
    """One answer in progress. `on_token` is called with each new token; `on_end` once, with the error or None."""

    inputs: dict[str, Tensor]
    """Arguments of the model's forward: input_ids (1, token), mm_token_type_ids, and the pixels of its images."""
    max_tokens: int
    stop_ids: frozenset[int]
    on_token: OnToken
    on_end: Callable[[BaseException | None], None]
    temperature: float = 0.0
    top_p: float = 1.0
    num_logprobs: int | None = None
    generator: torch.Generator | None = None
    is_cancelled: bool = False
    """Whether the caller has left. Any thread may set it."""
    num_tokens: int = field(default=0, init=False)
    next_id: int = field(default=0, init=False)
    next_position: int = field(default=0, init=False)


class Batch:
    """The sequences in progress and their keys and values, padded on the left to one length."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.sequences: list[Sequence] = []
        self._cache: Any = None
        self._mask = torch.empty(0)

    def join(self, one: Sequence) -> None:
        """Compute a sequence's prompt alone, choose its first token, and add it to the batch."""
        inputs = {name: tensor.to(self._model.device) for name, tensor in one.inputs.items()}
        ids = inputs["input_ids"]
        positions, deltas = self._model.model.get_rope_index(
            ids, inputs["mm_token_type_ids"], inputs.get("image_grid_thw")
        )
        cache = DynamicCache()
        logits = self._model(
            **inputs, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        ).logits[:, -1]
        one.next_position = ids.shape[1] + int(deltas)
        mask = torch.ones_like(ids)
        if self._sample(one, logits[0]):
            self._add(one, cache, mask)

    def step(self) -> None:
        """Generate one token for every sequence, and drop those that end."""
        device = self._mask.device
        ids = torch.tensor([[one.next_id] for one in self.sequences], device=device)
        positions = torch.tensor([[one.next_position] for one in self.sequences], device=device).expand(3, -1, -1)
        self._mask = torch.cat([self._mask, torch.ones_like(ids)], dim=1)
        hidden = self._model.model.language_model(
            inputs_embeds=self._model.get_input_embeddings()(ids),
            position_ids=positions,
            attention_mask=self._mask,
            past_key_values=self._cache,
            use_cache=True,
        )[0]
        logits = self._model.lm_head(hidden[:, -1])
        for one in self.sequences:
            one.next_position += 1
        self.keep([self._sample(one, row) for one, row in zip(self.sequences, logits, strict=True)])

    def keep(self, wanted: list[bool]) -> None:
        """Drop the sequences that are no longer wanted, and the padding that only they needed."""
        if all(wanted):
            return
        rows = [row for row, is_wanted in enumerate(wanted) if is_wanted]
        self.sequences = [self.sequences[row] for row in rows]
        if not rows:
            self._cache = None
            return
        chosen = torch.tensor(rows, device=self._mask.device)
        mask = self._mask[chosen]
        num_padding = int(mask.shape[1] - mask.sum(dim=1).max())
        self._mask = mask[:, num_padding:]
        self._cache = _cache(
            [(key[chosen, :, num_padding:], value[chosen, :, num_padding:]) for key, value in self._layers()]
        )

    def _add(self, one: Sequence, cache: Any, mask: Tensor) -> None:
        self.sequences = [*self.sequences, one]
        if self._cache is None:
            self._cache, self._mask = cache, mask
            return
        length = max(mask.shape[1], self._mask.shape[1])
        pairs = zip(self._layers(), ((layer.keys, layer.values) for layer in cache.layers), strict=True)
        self._cache = _cache(
            [
                (torch.cat([_padded(old, length) for old in keys]), torch.cat([_padded(old, length) for old in values]))
                for keys, values in (zip(*pair, strict=True) for pair in pairs)
            ]
        )
        self._mask = torch.cat([_padded_mask(self._mask, length), _padded_mask(mask, length)])

    def _layers(self) -> list[tuple[Tensor, Tensor]]:
        return [(layer.keys, layer.values) for layer in self._cache.layers]

    def _sample(self, one: Sequence, logits: Tensor) -> bool:
        """Choose a sequence's next token and report it. Return False if it was the last."""
        token = _choose(one, logits.float())
        one.next_id, one.num_tokens = token, one.num_tokens + 1
        one.on_token(token, _logprobs(logits.float(), token, one.num_logprobs))
        if token not in one.stop_ids and one.num_tokens < one.max_tokens:
            return True
        one.on_end(None)
        return False


class Stopped(Exception):
    """The runner was stopped before this sequence had ended."""


class Runner:
    """A thread that admits waiting sequences, at most `max_num_seqs` at a time, and steps the batch until stopped.

    However it ends, every waiting caller gets an error.
    """

    def __init__(self, model: Any, max_num_seqs: int) -> None:
        self._batch = Batch(model)
        self._max_num_seqs = max_num_seqs
        self._waiting: queue.SimpleQueue[Sequence | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="torch-batch", daemon=True)
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._end: BaseException | None = None

    @property
    def is_alive(self) -> bool:
        """Whether newly added sequences will be processed."""
        return self._thread.is_alive() and self._end is None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, one: Sequence) -> None:
        """Queue a sequence."""
        with self._lock:
            if self._end is None:
                self._waiting.put(one)
                return
        one.on_end(self._end)

    def stop(self) -> None:
        """Stop after the current step."""
        self._is_stopping.set()
        # Wakes the thread if it waits for work.
        self._waiting.put(None)
        self._thread.join(timeout=60)

    def _run(self) -> None:
        end: BaseException = Stopped()
        try:
            with torch.inference_mode():
                while self._admit():
                    self._batch.keep([not one.is_cancelled for one in self._batch.sequences])
                    if self._batch.sequences:
                        self._batch.step()
        except BaseException as error:  # noqa: BLE001 - it ends this thread, and every waiting caller gets it below
            end = error
        self._end_all(end)

    def _admit(self) -> bool:
        """Admit waiting sequences while there is room. Return False to stop."""
        while not self._is_stopping.is_set() and len(self._batch.sequences) < self._max_num_seqs:
            try:
                one = self._waiting.get(block=not self._batch.sequences)
            except queue.Empty:
                break
            if one is not None and not one.is_cancelled:
                self._join(one)
        return not self._is_stopping.is_set()

    def _join(self, one: Sequence) -> None:
        try:
            self._batch.join(one)
        except BaseException as error:
            # It is in no batch yet, where `_end_all` would look for it.
            one.on_end(error)
            raise

    def _end_all(self, end: BaseException) -> None:
        with self._lock:
            self._end = end
        for one in self._batch.sequences:
            one.on_end(end)
        while not self._waiting.empty():
            waiting = self._waiting.get()
            if waiting is not None:
                waiting.on_end(end)


def _choose(one: Sequence, logits: Tensor) -> int:
    if one.temperature == 0:
        return int(logits.argmax())
    shares, order = (logits / one.temperature).softmax(dim=-1).sort(descending=True)
    # Keep the fewest tokens whose probabilities reach top_p, and always the first.
    shares = shares * (shares.cumsum(dim=-1) - shares < one.top_p)
    return int(order[torch.multinomial(shares, 1, generator=one.generator)])


def _logprobs(logits: Tensor, token: int, number: int | None) -> LogProbabilities | None:
    if number is None:
        return None
    logprobs = logits.log_softmax(dim=-1)
    best = logprobs.topk(number).indices.tolist() if number else []
    return {one: float(logprobs[one]) for one in dict.fromkeys([token, *best])}


def _cache(layers: list[tuple[Tensor, Tensor]]) -> Any:
    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache


def _padded(tensor: Tensor, length: int) -> Tensor:
    """Pad keys or values (sequence, head, token, width) on the left."""
    return torch.nn.functional.pad(tensor, (0, 0, length - tensor.shape[2], 0))


def _padded_mask(mask: Tensor, length: int) -> Tensor:
    return torch.nn.functional.pad(mask, (length - mask.shape[1], 0))
