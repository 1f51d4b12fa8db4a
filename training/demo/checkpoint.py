"""The demo model's architecture, a Qwen2-VL of a few million parameters, and the folder it is shipped in.

The head sizes are supported by vLLM's CPU attention (32, 64).
"""

from pathlib import Path

import torch
from transformers import GenerationConfig, Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers import Qwen2VLImageProcessorPil as ImageProcessor

from serve_app.domain.radiograph import PATCH_UNIT_PX

MAX_POSITIONS = 2048


def build_model(tokenizer: Qwen2Tokenizer, seed: int) -> Qwen2VLForConditionalGeneration:
    """Build the untrained model in float32; the same random seed gives the same weights."""
    torch.manual_seed(seed)
    return Qwen2VLForConditionalGeneration(model_config(tokenizer))


def model_config(tokenizer: Qwen2Tokenizer) -> Qwen2VLConfig:
    """Return the model's configuration for this tokenizer."""
    special = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in _SPECIAL}
    return Qwen2VLConfig(
        text_config={
            "vocab_size": -(-len(tokenizer) // 64) * 64,
            "hidden_size": 256,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": MAX_POSITIONS,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]},
            "bos_token_id": special["endoftext"],
            "eos_token_id": special["im_end"],
            "pad_token_id": special["endoftext"],
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 4,
            "embed_dim": 192,
            "hidden_size": 256,
            "num_heads": 6,
            "mlp_ratio": 4,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "in_channels": 3,
        },
        tie_word_embeddings=True,
        image_token_id=special["image_pad"],
        video_token_id=special["video_pad"],
        vision_start_token_id=special["vision_start"],
        vision_end_token_id=special["vision_end"],
    )


def save_checkpoint(
    model: Qwen2VLForConditionalGeneration, tokenizer: Qwen2Tokenizer, folder: Path, max_visual_tokens: int
) -> None:
    """Write everything that serving loads: bfloat16 weights, configs, tokenizer with chat template, image processor."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = Qwen2VLForConditionalGeneration(model.config).to(torch.bfloat16)
    rounded.load_state_dict(model.state_dict())
    rounded.generation_config = GenerationConfig(
        do_sample=False,
        bos_token_id=model.config.text_config.bos_token_id,
        eos_token_id=model.config.text_config.eos_token_id,
        pad_token_id=model.config.text_config.pad_token_id,
    )
    rounded.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _image_processor(max_visual_tokens).save_pretrained(folder)


def _image_processor(max_visual_tokens: int) -> ImageProcessor:
    """Bound image sizes so that a prepared image is never resized again."""
    unit = PATCH_UNIT_PX**2
    return ImageProcessor(
        patch_size=14,
        merge_size=2,
        temporal_patch_size=2,
        size={"shortest_edge": unit, "longest_edge": max_visual_tokens * unit},
    )


_SPECIAL = ("endoftext", "im_end", "image_pad", "video_pad", "vision_start", "vision_end")
