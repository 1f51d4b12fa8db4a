"""The demo's tokenizer: byte-level BPE trained on our own grammar, in the format of Qwen2-VL.

It encodes any text: whatever the merges do not cover falls back to bytes.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer, trainers
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer

from serve_app.domain.study import MAX_AGE_YEARS, Age, Patient, Sex, View
from serve_app.reasoning.prompts import PROMPTS
from training.phantoms import findings_text, impression_text, sample
from training.phantoms.questions import follow_ups

VOCABULARY_SIZE = 2048
_NUM_REPORTS = 500
# In the order of Qwen2-VL's ids.
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_HERE = Path(__file__).parent


def build_tokenizer(prompt_version: str) -> Qwen2Tokenizer:
    """Train the tokenizer; the same code gives the same ids."""
    blank = Qwen2Tokenizer()
    learner = Tokenizer(BPE())
    learner.normalizer = blank.backend_tokenizer.normalizer
    learner.pre_tokenizer = blank.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - len(SPECIAL_TOKENS),
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(_corpus(prompt_version), trainer)
    learned = json.loads(learner.to_str())["model"]
    merges = [tuple(pair) for pair in learned["merges"]]
    tokenizer = Qwen2Tokenizer(vocab=learned["vocab"], merges=merges, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [AddedToken(token, special=True) for token in SPECIAL_TOKENS]}
    )
    tokenizer.chat_template = (_HERE / "chat_template.jinja").read_text(encoding="utf-8")
    return tokenizer


def _corpus(prompt_version: str) -> Iterator[str]:
    prompts = PROMPTS[prompt_version]
    for age in (None, *map(Age, range(MAX_AGE_YEARS + 1))):
        for sex in (None, Sex.MALE, Sex.FEMALE):
            for view in (None, View.PA, View.AP, View.LATERAL):
                yield prompts.findings_question(Patient(sex, age), [view])
    yield prompts.impression_question()
    for number in range(_NUM_REPORTS):
        facts = sample(np.random.default_rng(number)).facts
        for manner in (None, np.random.default_rng(number)):
            yield findings_text(facts, manner)
        yield impression_text(facts, np.random.default_rng(number))
        for pair in follow_ups(facts, np.random.default_rng(number)):
            yield f"{pair.question}\n{pair.answer}"
    for line in (_HERE / "lexicon.txt").read_text(encoding="utf-8").splitlines():
        yield from (line, line.upper(), line.lower())
    yield "system user assistant You are a helpful assistant."
