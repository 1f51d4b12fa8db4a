"""Measures the served gate on real, unseen lateral radiographs, and on pictures that are not radiographs.

`python -m training.gate.laterals --laterals L --set-name NAME --samples S --out training/gate/results/laterals.json`
"""

import argparse
import datetime
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime

from serve_app.domain.radiograph import GateVerdict
from serve_app.domain.study import View
from serve_app.imaging.film import readable
from serve_app.imaging.screen import GATE_CHECKPOINT, Gate
from training.gate.evaluate import commit, cpu, read_picture, table


def main() -> None:
    """Judge both sets with and without the declaration, and write the results."""
    arguments = _arguments()
    gate = Gate()
    folders = {"real laterals": arguments.laterals, "samples, negative": arguments.samples / "negative"}
    sets = {
        name: [readable(read_picture(path)) for path in sorted(folder.iterdir())] for name, folder in folders.items()
    }
    undeclared = {name: [gate.screen(picture) for picture in pictures] for name, pictures in sets.items()}
    declared = {name: [gate.screen(picture, View.LATERAL) for picture in pictures] for name, pictures in sets.items()}
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": cpu(),
        "commit": commit(),
        "onnxruntime": onnxruntime.__version__,
        "checkpoint_sha256": hashlib.sha256(GATE_CHECKPOINT.read_bytes()).hexdigest(),
        "set": arguments.set_name,
        "tables": {name: table(verdicts) for name, verdicts in undeclared.items()},
        "scores": {name: _spread(verdicts) for name, verdicts in undeclared.items()},
        "tables_declared_lateral": {name: table(verdicts) for name, verdicts in declared.items()},
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _spread(verdicts: list[GateVerdict]) -> dict[str, float]:
    scores = [verdict.score for verdict in verdicts if verdict.score is not None]
    return {"least": min(scores), "median": round(float(np.median(scores)), 4), "greatest": max(scores)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laterals", type=Path, required=True, help="folder of real lateral chest radiographs")
    parser.add_argument("--set-name", required=True, help="the name of that set in the result file")
    parser.add_argument("--samples", type=Path, required=True, help="folder with negative/")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
