"""The gate's network: seven small convolutions on a 96 x 96 thumbnail, and its export to ONNX."""

import contextlib
import os
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from serve_app.imaging.screen import CLASSES, THUMBNAIL_PX

_WIDTHS = ((16, 2), (32, 2), (32, 1), (64, 2), (64, 1), (96, 2), (96, 1))
_GRID = 3


class Network(nn.Module):
    """Thumbnails (n, 1, 96, 96) in, logits (n, 4) out. Positions matter, so the last grid is not averaged."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width, stride in _WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
        self.features = nn.Sequential(*layers, nn.Conv2d(before, 32, 1), nn.ReLU(inplace=True), nn.AvgPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * _GRID * _GRID, len(CLASSES)))

    def forward(self, film: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(film - 0.5))
        return logits


class Calibrated(nn.Module):
    """A trained network that returns probabilities, calibrated with a temperature."""

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, film: Tensor) -> Tensor:
        return torch.softmax(self.network(film) / self.temperature, dim=1)


def export(network: Network, temperature: float, path: Path) -> None:
    """Write one self-contained ONNX file: input `film` (n, 1, 96, 96) float32, output `probabilities` (n, 4)."""
    model = Calibrated(network, temperature).eval()
    example = torch.zeros(2, 1, THUMBNAIL_PX, THUMBNAIL_PX)
    # The exporter reports its progress on standard output.
    with Path(os.devnull).open("w", encoding="utf-8") as silence, contextlib.redirect_stdout(silence):
        program = torch.onnx.export(
            model,
            (example,),
            input_names=["film"],
            output_names=["probabilities"],
            dynamic_shapes={"film": {0: torch.export.Dim("n")}},
            external_data=False,
            dynamo=True,
        )
    assert program is not None
    onnx.save_model(anonymous(program.model_proto), path)


def anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the exporter's traces: they name the folders of the machine that trained."""
    clean = onnx.ModelProto()
    clean.CopyFrom(model)
    graph = clean.graph
    for part in (clean, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return clean
