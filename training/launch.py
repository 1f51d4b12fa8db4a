"""`python -m training.launch CONFIG`: one stage of fine-tuning as a Ray Train job.

Runs on the cluster that it finds (RAY_ADDRESS, a RayJob), or starts a local one for the run.
"""

import argparse
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from serve_app.cluster.environment import NOTHING_PHONES_HOME
from training.stages.config import StageConfig, load_config

_ENVIRONMENT = {**NOTHING_PHONES_HOME, "TOKENIZERS_PARALLELISM": "false"}
_OBJECT_STORE_BYTES = 128 * 1024**2


def launch(config: StageConfig) -> dict[str, Any]:
    """Train a stage and return its card."""
    _prepare_environment(config)
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    _connect(config)
    try:
        TorchTrainer(
            _train_in_worker,
            train_loop_config={"config": config.model_dump(mode="json"), "folder": str(Path.cwd())},
            torch_config=TorchConfig(backend="nccl" if config.use_gpu else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=config.num_workers,
                use_gpu=config.use_gpu,
                resources_per_worker={"CPU": config.num_cpus_per_worker, **({"GPU": 1} if config.use_gpu else {})},
            ),
            run_config=RunConfig(
                name="ray",
                storage_path=str(config.out.absolute()),
                failure_config=FailureConfig(max_failures=config.max_restarts),
            ),
        ).fit()
    finally:
        ray.shutdown()
    card: dict[str, Any] = json.loads((config.out / "stage_card.json").read_text(encoding="utf-8"))
    return card


def _train_in_worker(task: dict[str, Any]) -> None:
    """Run in each worker, after Ray has connected the processes."""
    from training.stages.train import train_stage

    # Ray changed the worker's folder; relative paths in the configuration refer to the folder where the run was
    # started.
    if Path(task["folder"]).is_dir():
        os.chdir(task["folder"])
    train_stage(StageConfig.model_validate(task["config"]))


def _prepare_environment(config: StageConfig) -> None:
    """Set the variables that libraries read at import, here and (inherited) in the workers."""
    for name, value in _worker_environment(config).items():
        os.environ.setdefault(name, value)
    if "RAY_ADDRESS" not in os.environ:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _worker_environment(config: StageConfig) -> dict[str, str]:
    if config.deepspeed is not None and not config.use_gpu:
        return {**_ENVIRONMENT, "DS_ACCELERATOR": "cpu"}
    return _ENVIRONMENT


def _connect(config: StageConfig) -> None:
    import ray

    # A worker of a remote cluster does not inherit from this process.
    runtime_env = {"env_vars": _worker_environment(config)}
    if "RAY_ADDRESS" in os.environ:
        ray.init(runtime_env=runtime_env)
        return
    ray.init(
        address="local",
        num_cpus=max(config.num_workers * config.num_cpus_per_worker, os.cpu_count() or 1),
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        _node_ip_address="127.0.0.1",
        runtime_env=runtime_env,
    )


def main() -> None:
    """Run one stage of fine-tuning. Started again with the same file, it resumes where it stopped."""
    parser = argparse.ArgumentParser(prog="python -m training.launch", description=main.__doc__)
    parser.add_argument("config", type=Path, help="a YAML file, see training/configs")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one field; repeatable")
    given = parser.parse_args()
    try:
        config = load_config(given.config, tuple(given.set))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    print(json.dumps(launch(config), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
