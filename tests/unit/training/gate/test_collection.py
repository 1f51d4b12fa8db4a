"""What the gate is measured on: sets by view, halves by patient, without the films that it was trained on."""

from pathlib import Path

import numpy as np
from PIL import Image

from training.gate.collection import HALVES, half, load_collection, load_panoramas

HEADER = "patientid,view,modality,location,filename"


def saved(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)


def test_pictures_are_grouped_by_view_and_half_and_the_rest_left_out(tmp_path: Path) -> None:
    rows = [
        "1,L,X-ray,Hanoi,lateral.png",
        "1,AP Supine,X-ray,Hanoi,bed.png",
        "1,Coronal,CT,Hanoi,coronal.png",
        "1,PA,X-ray,Hannover Medical School,trained.png",
        "1,Axial,X-ray,Hanoi,mislabelled.png",
        "1,,X-ray,Hanoi,unknown.png",
        "1,PA,X-ray,Hanoi,absent.png",
    ]
    (tmp_path / "metadata.csv").write_text("\n".join([HEADER, *rows]), encoding="utf-8")
    for row in rows[:-1]:
        saved(tmp_path / "images" / row.split(",")[-1])
    part = half("1")
    sets = load_collection(tmp_path)
    assert {name: len(pictures) for name, pictures in sets.items()} == {
        f"coronal CT, {part}": 1,
        f"frontals, {part}": 1,
        f"laterals, {part}": 1,
    }


def test_both_halves_get_about_as_many_patients_and_the_same_ones_each_time() -> None:
    halves = [half(str(patient)) for patient in range(400)]
    assert halves == [half(str(patient)) for patient in range(400)]
    assert 160 < halves.count(HALVES[0]) < 240


def test_panoramas_are_dealt_by_name(tmp_path: Path) -> None:
    for number in range(20):
        saved(tmp_path / f"{number}.png")
    sets = load_panoramas(tmp_path)
    assert set(sets) == {f"dental panoramas, {part}" for part in HALVES}
    assert sum(len(pictures) for pictures in sets.values()) == 20
