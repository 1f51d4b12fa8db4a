"""The film that comes with the demo model is one of ours."""

import numpy as np
from PIL import Image

from evaluation.demo.publish import SAMPLE_SEED
from serve_app.settings import DEMO_CHECKPOINT
from training.phantoms import draw, sample


def test_the_sample_film_is_drawn_by_the_code_as_it_is() -> None:
    film = np.asarray(Image.open(DEMO_CHECKPOINT / "sample.png"))

    np.testing.assert_array_equal(film, draw(sample(np.random.default_rng(SAMPLE_SEED))))
