"""Put a measured checkpoint and its card where serving finds it.

Refuses weights that the published result does not belong to.
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from training.measure import RESULT
from training.train_demo import Recipe

DESTINATION = Path(__file__).parent.parent / "serve_app" / "models" / "clara-demo"
_CARD = Path(__file__).parent / "card.md"


def export(checkpoint: Path, destination: Path, result_file: Path = RESULT) -> None:
    """Copy the checkpoint and write its card.

    Raises:
        ValueError: the result was measured on other weights.
    """
    result = json.loads(result_file.read_text(encoding="utf-8"))
    weights = (checkpoint / "model.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != result["weights_sha256"]:
        raise ValueError(f"{result_file.name} was measured on other weights: run training.measure on this checkpoint")
    destination.mkdir(parents=True, exist_ok=True)
    for source in sorted(checkpoint.iterdir()):
        (destination / source.name).unlink(missing_ok=True)
        shutil.copyfile(source, destination / source.name)
    (destination / "README.md").write_text(_card(checkpoint, result), encoding="utf-8")


def _card(checkpoint: Path, result: dict[str, Any]) -> str:
    recipe = Recipe()
    config = AutoConfig.from_pretrained(checkpoint)
    text, vision = config.text_config, config.vision_config
    pairs, films = result["pairs"], result["films"]
    return _CARD.read_text(encoding="utf-8").format(
        num_parameters_millions=(checkpoint / "model.safetensors").stat().st_size / 2e6,
        text_layers=text.num_hidden_layers,
        text_width=text.hidden_size,
        text_heads=text.num_attention_heads,
        text_head_size=text.hidden_size // text.num_attention_heads,
        vision_layers=vision.depth,
        vision_width=vision.embed_dim,
        vision_heads=vision.num_heads,
        vision_head_size=vision.embed_dim // vision.num_heads,
        vocabulary=len(AutoTokenizer.from_pretrained(checkpoint)),
        max_visual_tokens=recipe.max_visual_tokens,
        seed=recipe.seed,
        num_films=recipe.num_films,
        vision_steps=recipe.vision_steps,
        vision_batch=recipe.vision_batch,
        report_steps=recipe.report_steps,
        report_batch=recipe.report_batch,
        prompt_version=recipe.prompt_version,
        date=result["date"],
        machine=result["machine"],
        num_pairs=pairs["num_pairs"],
        differ=pairs["differ_exactly_ratio"],
        both=pairs["both_answers_exact_ratio"],
        num_measured=films["num_films"],
        exact=films["exact_report_ratio"],
        num_findings=len(films["f1"]),
        macro_f1=films["macro_f1"],
        grammar=films["in_grammar_ratio"],
        f1=", ".join(f"{name} {score:.2f}" for name, score in films["f1"].items()),
    )


def main() -> None:
    """Export a checkpoint to the folder that is shipped."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--to", type=Path, default=DESTINATION)
    arguments = parser.parse_args()
    export(arguments.checkpoint, arguments.to)


if __name__ == "__main__":
    main()
