"""The served questions as token ids, and the demo's tokenizer."""

from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.study import Patient
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import messages, question_ids
from training.demo.tokenizer import SPECIAL_TOKENS, build_tokenizer
from training.phantoms import findings_text

PROMPT_SET = PROMPTS["clara-vi-1"]
TOKENIZER = build_tokenizer("clara-vi-1")


def test_the_text_comes_before_the_image() -> None:
    text = TOKENIZER.decode(question_ids(TOKENIZER, messages(PROMPT_SET, Patient()), 2))
    assert text.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nẢnh chụp")
    assert text.endswith(
        "bị gì?<|vision_start|><|image_pad|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_normal_answer_spans_a_cache_block() -> None:
    assert len(TOKENIZER(findings_text(set())).input_ids) >= 35


def test_the_tokenizer_is_the_same_each_time() -> None:
    assert build_tokenizer("clara-vi-1").get_vocab() == TOKENIZER.get_vocab()


def test_special_tokens_are_one_token_each() -> None:
    for token in SPECIAL_TOKENS:
        assert TOKENIZER(token).input_ids == [TOKENIZER.convert_tokens_to_ids(token)]
    assert TOKENIZER.eos_token == "<|im_end|>"


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="<|>")))
def test_any_text_survives_the_tokenizer(text: str) -> None:
    normal = TOKENIZER.backend_tokenizer.normalizer.normalize_str(text)
    assert TOKENIZER.decode(TOKENIZER(text).input_ids, clean_up_tokenization_spaces=False) == normal
