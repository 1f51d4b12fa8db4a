"""A patient's split depends on id and seed alone; what stands in two splits is found and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.splits import (
    LeakError,
    Split,
    SplitRatios,
    StudyKey,
    find_leaks,
    own_split,
    refuse_leaks,
    split_of,
)

RATIOS = SplitRatios()
keys = st.builds(
    StudyKey, study_id=st.text(max_size=3), patient_id=st.sampled_from("abcde"), digest=st.sampled_from("123456789")
)


@given(st.text(), st.integers(0, 1000))
def test_the_same_patient_and_seed_give_the_same_split(patient_id: str, seed: int) -> None:
    assert split_of(patient_id, seed, RATIOS) is split_of(patient_id, seed, SplitRatios(0.8, 0.1, 0.1))


def test_the_ratios_are_kept_about() -> None:
    splits = [split_of(f"patient-{number}", 0, RATIOS) for number in range(4000)]
    assert abs(splits.count(Split.TRAIN) / 4000 - 0.8) < 0.03
    assert abs(splits.count(Split.VALIDATION) / 4000 - 0.1) < 0.02
    assert abs(splits.count(Split.TEST) / 4000 - 0.1) < 0.02


def test_another_seed_gives_other_splits() -> None:
    one, other = ([split_of(f"patient-{number}", seed, RATIOS) for number in range(100)] for seed in (0, 1))
    assert one != other


@given(st.text())
def test_a_split_of_no_share_gets_nobody(patient_id: str) -> None:
    assert split_of(patient_id, 0, SplitRatios(1, 0, 0)) is Split.TRAIN
    assert split_of(patient_id, 0, SplitRatios(0, 0, 1)) is Split.TEST


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_ratios_must_add_up(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        SplitRatios(*shares)


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("train/a.parquet", Split.TRAIN),
        ("data/train-00000-of-00010.parquet", Split.TRAIN),
        ("Val/0001.jsonl", Split.VALIDATION),
        ("validation.parquet", Split.VALIDATION),
        ("dev_1.jsonl", Split.VALIDATION),
        ("test/test-00000-of-00001.parquet", Split.TEST),
    ],
)
def test_a_file_names_its_own_split(file: str, split: Split) -> None:
    assert own_split(file) is split


@pytest.mark.parametrize("file", ["part.parquet", "training_set.old/x.parquet", "train/test-0.parquet"])
def test_a_file_that_names_no_split_or_two_is_refused(file: str) -> None:
    with pytest.raises(ValueError, match="its path names"):
        own_split(file)


@given(st.lists(keys), st.lists(keys), st.lists(keys))
def test_leaks_are_what_the_splits_share(train: list[StudyKey], val: list[StudyKey], test: list[StudyKey]) -> None:
    splits = {"train": train, "validation": val, "test": test}
    for kind, attribute in (("patient", "patient_id"), ("study", "study_id"), ("image", "digest")):
        sets = [{getattr(key, attribute) for key in studies} for studies in splits.values()]
        shared = (sets[0] & sets[1]) | (sets[0] & sets[2]) | (sets[1] & sets[2])
        assert {leak.name for leak in find_leaks(splits) if leak.kind == kind} == shared


def test_a_leak_is_refused_with_counts_and_ids() -> None:
    train = [StudyKey("s1", "p1", "d1"), StudyKey("s2", "p2", "d2"), StudyKey("s5", "p5", "d5")]
    test = [StudyKey("s3", "p1", "d3"), StudyKey("s4", "p4", "d2"), StudyKey("s5", "p6", "d6")]
    with pytest.raises(LeakError) as refused:
        refuse_leaks({"train": train, "test": test})
    message = str(refused.value)
    assert message.startswith("1 patients, 1 studies and 1 prepared images are in more than one split")
    assert "patient p1 in train, test (studies s1, s3)" in message
    assert "study s5 in train, test (studies s5, s5)" in message
    assert "image d2 in train, test (studies s2, s4)" in message


def test_the_message_of_many_leaks_stays_short_and_the_error_holds_them_all() -> None:
    train = [StudyKey(f"a{number}", f"p{number}", f"x{number}") for number in range(500)]
    test = [StudyKey(f"b{number}", f"p{number}", f"y{number}") for number in range(500)]
    with pytest.raises(LeakError) as refused:
        refuse_leaks({"train": train, "test": test})
    assert len(refused.value.leaks) == 500 and len(str(refused.value)) < 500


def test_a_patient_seen_twice_in_one_split_is_no_leak() -> None:
    splits = {"train": [StudyKey("s1", "p1", "d1"), StudyKey("s2", "p1", "d1")], "test": []}
    assert find_leaks(splits) == []
    refuse_leaks(splits)
