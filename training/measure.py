"""Measure a checkpoint on drawn films that training never saw: pairs that differ in one finding, and F1 a finding.

Answers are greedy, from stock transformers; the serving engine is compared with it elsewhere.
"""

import argparse
import hashlib
import json
import platform
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from serve_app.domain.study import Patient, Sex, View
from serve_app.imaging.normalize import normalize
from serve_app.reasoning.prompts import PROMPTS
from training.conversation import messages, question_ids
from training.films import MEASURE_STREAM, PAIR_STREAM, scene_rng
from training.phantoms import Finding, Scene, draw, findings_of, pair, sample
from training.phantoms.report import is_in_grammar
from training.train_demo import Recipe

RESULT = Path(__file__).parent / "results" / "demo.json"
_PATIENTS = (Patient(), Patient(sex=Sex.MALE, age_years=63, view=View.PA), Patient(sex=Sex.FEMALE, age_years=48))
_MAX_ANSWER_TOKENS = 160
_BATCH = 32


class Reader:
    """A checkpoint that answers turn 1 about films, many at a time."""

    def __init__(self, checkpoint: Path, recipe: Recipe) -> None:
        self.recipe = recipe
        self.model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self.processor = AutoImageProcessor.from_pretrained(checkpoint)

    def read(self, scenes: Sequence[Scene], patients: Sequence[Patient]) -> list[str]:
        """Answer turn 1 of each film; films whose prompts are equally long share a batch."""
        groups = defaultdict(list)
        for index, (scene, patient) in enumerate(zip(scenes, patients, strict=True)):
            image = self.processor(
                images=[Image.fromarray(normalize(draw(scene), self.recipe.max_visual_tokens))], return_tensors="pt"
            )
            num_visual_tokens = int(image["image_grid_thw"].prod()) // 4
            turns = messages(PROMPTS[self.recipe.prompt_version], patient)
            ids = question_ids(self.tokenizer, turns, num_visual_tokens)
            groups[(len(ids), tuple(image["image_grid_thw"][0].tolist()))].append((index, ids, image))
        answers = [""] * len(scenes)
        for members in groups.values():
            for first in range(0, len(members), _BATCH):
                batch = members[first : first + _BATCH]
                for (index, _, _), answer in zip(batch, self._generate(batch), strict=True):
                    answers[index] = answer
        return answers

    def _generate(self, batch: Sequence[tuple[int, list[int], dict[str, torch.Tensor]]]) -> list[str]:
        ids = torch.tensor([ids for _, ids, _ in batch])
        output = self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=(ids == self.model.config.image_token_id).int(),
            pixel_values=torch.cat([image["pixel_values"] for _, _, image in batch]),
            image_grid_thw=torch.cat([image["image_grid_thw"] for _, _, image in batch]),
            max_new_tokens=_MAX_ANSWER_TOKENS,
            do_sample=False,
        )
        answers: list[str] = self.tokenizer.batch_decode(output[:, ids.shape[1] :], skip_special_tokens=True)
        return answers


def measure_pairs(reader: Reader, seed: int, num_pairs: int) -> dict[str, object]:
    """Count pairs whose two answers differ in exactly the finding in which the films differ."""
    pairs = [pair(scene_rng(seed, PAIR_STREAM, index)) for index in range(num_pairs)]
    patients = [_PATIENTS[index % len(_PATIENTS)] for index in range(num_pairs) for _ in range(2)]
    said = [findings_of(answer) for answer in reader.read([scene for two in pairs for scene in two], patients)]
    right: dict[str, list[bool]] = defaultdict(list)
    both_exact = 0
    for (one, other), first, second in zip(pairs, said[::2], said[1::2], strict=True):
        (difference,) = one.findings ^ other.findings
        right[difference].append(first ^ second == {difference})
        both_exact += first == one.findings and second == other.findings
    return {
        "num_pairs": num_pairs,
        "differ_exactly_ratio": sum(map(sum, right.values())) / num_pairs,
        "both_answers_exact_ratio": both_exact / num_pairs,
        "by_finding": {
            finding: f"{sum(right[finding])}/{len(right[finding])}" for finding in Finding if right[finding]
        },
    }


def measure_films(reader: Reader, seed: int, num_films: int) -> dict[str, object]:
    """Score each finding on films drawn as in training."""
    scenes = [sample(scene_rng(seed, MEASURE_STREAM, index)) for index in range(num_films)]
    answers = reader.read(scenes, [_PATIENTS[index % len(_PATIENTS)] for index in range(num_films)])
    said = [findings_of(answer) for answer in answers]
    scores = {finding: _f1(finding, scenes, said) for finding in Finding}
    lengths = [len(reader.tokenizer(answer).input_ids) for answer in answers]
    return {
        "num_films": num_films,
        "macro_f1": sum(scores.values()) / len(scores),
        "exact_report_ratio": sum(s.findings == facts for s, facts in zip(scenes, said, strict=True)) / num_films,
        "in_grammar_ratio": sum(map(is_in_grammar, answers)) / num_films,
        "mean_findings_tokens": sum(lengths) / num_films,
        "f1": {finding: round(score, 4) for finding, score in scores.items()},
    }


def _f1(finding: Finding, scenes: Sequence[Scene], said: Sequence[frozenset[Finding]]) -> float:
    marks = [(finding in scene.findings, finding in facts) for scene, facts in zip(scenes, said, strict=True)]
    hits, errors = marks.count((True, True)), marks.count((True, False)) + marks.count((False, True))
    return 2 * hits / (2 * hits + errors) if hits or errors else 1.0


def _origin(checkpoint: Path) -> dict[str, str]:
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    weights = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": cpu,
        "commit": commit or "none",
        "weights_sha256": weights,
    }


def main() -> None:
    """Measure a checkpoint and write the result."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--films", type=int, default=400)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    recipe = Recipe()
    reader = Reader(arguments.checkpoint, recipe)
    result = {
        **_origin(arguments.checkpoint),
        "seed": recipe.seed,
        "pairs": measure_pairs(reader, recipe.seed, arguments.pairs),
        "films": measure_films(reader, recipe.seed, arguments.films),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
