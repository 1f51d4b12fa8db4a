"""What is trained is what is served, token for token, and only the assistant's words are learned."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from serve_app.domain.study import Patient, Sex, View
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import IGNORED, lesson, messages, question_ids, random_patient
from training.phantoms import Finding, findings_text, impression_text
from training.tokenizer import SPECIAL_TOKENS, build_tokenizer

PROMPT_SET = PROMPTS["clara-vi-1"]
TOKENIZER = build_tokenizer("clara-vi-1")
PATIENTS = (Patient(), Patient(Sex.MALE, 63, View.PA), Patient(Sex.FEMALE, None, View.AP))
FACTS = {Finding.CARDIOMEGALY, Finding.EFFUSION_LEFT_SMALL}


@pytest.mark.parametrize("patient", PATIENTS)
def test_the_served_prompts_are_prefixes_of_what_was_trained(patient: Patient) -> None:
    trained = lesson(TOKENIZER, PROMPT_SET, patient, FACTS, 36).token_ids
    first = question_ids(TOKENIZER, messages(PROMPT_SET, patient), 36)
    second = question_ids(TOKENIZER, messages(PROMPT_SET, patient, findings_text(FACTS)), 36)
    assert trained[: len(first)] == first
    assert trained[: len(second)] == second


def test_the_text_comes_before_the_image() -> None:
    text = TOKENIZER.decode(question_ids(TOKENIZER, messages(PROMPT_SET, Patient()), 2))
    assert text.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nẢnh chụp")
    assert text.endswith(
        "bị gì?<|vision_start|><|image_pad|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("patient", PATIENTS)
def test_only_the_assistants_words_and_their_end_are_learned(patient: Patient) -> None:
    made = lesson(TOKENIZER, PROMPT_SET, patient, FACTS, 36)
    assert len(made.labels) == len(made.token_ids)
    assert all(label in (IGNORED, token) for label, token in zip(made.labels, made.token_ids, strict=True))
    learned = TOKENIZER.decode([label for label in made.labels if label != IGNORED])
    assert learned == f"{findings_text(FACTS)}<|im_end|>{impression_text(FACTS)}<|im_end|>"


def test_a_normal_answer_spans_a_cache_block() -> None:
    assert len(TOKENIZER(findings_text(set())).input_ids) >= 35


def test_made_up_patients_are_often_unknown() -> None:
    patients = [random_patient(np.random.default_rng(seed)) for seed in range(60)]
    assert {patient.sex for patient in patients} == {None, *Sex}
    assert {patient.view for patient in patients} == {None, View.PA, View.AP}
    assert any(patient.age_years is None for patient in patients)


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


def test_positions_are_those_of_the_stock_model() -> None:
    from training.checkpoint import build_model
    from training.conversation import rope_positions

    model = build_model(TOKENIZER, seed=0)
    ids = torch.tensor([lesson(TOKENIZER, PROMPT_SET, patient, FACTS, 35).token_ids for patient in PATIENTS[:1]])
    image_id = model.config.image_token_id
    stock, _ = model.model.get_rope_index(ids, (ids == image_id).int(), torch.tensor([[1, 14, 10]]))
    assert torch.equal(rope_positions(ids, image_id, 7, 5), stock)
