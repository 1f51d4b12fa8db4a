"""The memory that the full configurations and the training job name is DeepSpeed's own estimate."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

ROOT = Path(__file__).parents[2]
NUM_GPUS = 7
# The dimensions of Qwen2-VL-7B, from its config.json.
TEXT = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
}
VISION = {"depth": 32, "embed_dim": 1280, "hidden_size": 3584, "num_heads": 16}


@pytest.fixture(scope="module")
def host_bytes() -> int:
    """The estimate for one node, with weights and optimizer state on the CPU."""
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs

    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(Qwen2VLConfig(text_config=TEXT, vision_config=VISION))
    num_weights = sum(weight.numel() for weight in model.parameters())
    largest_layer = max(sum(weight.numel() for weight in layer.parameters(recurse=False)) for layer in model.modules())
    cpu_bytes, _, _ = estimate_zero3_model_states_mem_needs(num_weights, largest_layer, num_gpus_per_node=NUM_GPUS)
    return int(cpu_bytes)


@pytest.mark.parametrize("stage", ["findings", "impression", "chat"])
def test_each_full_configuration_names_the_host_memory(stage: str, host_bytes: int) -> None:
    text = (ROOT / "training" / "configs" / "full" / f"{stage}.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["num_workers"] == NUM_GPUS
    assert re.findall(r"(\d+) GB of host memory", text) == [f"{host_bytes / 1e9:.0f}"]


def test_the_training_job_asks_for_the_host_memory(host_bytes: int) -> None:
    text = (ROOT / "k8s" / "jobs" / "train.yaml").read_text(encoding="utf-8")
    (group,) = yaml.safe_load(text)["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    (worker,) = group["template"]["spec"]["containers"]
    assert f"{host_bytes / 1e9:.0f} GB" in text
    for asked in (worker["resources"]["requests"], worker["resources"]["limits"]):
        assert int(asked["memory"].removesuffix("Gi")) * 2**30 >= host_bytes
