"""How long something took lately."""

# Of fewer the expected waits jump; of more they lag behind.
_NUM_REMEMBERED = 50


class RunningMean:
    """The mean of all values, until there are so many that older ones fade."""

    def __init__(self) -> None:
        self.value: float | None = None
        self._num_noted = 0

    def note(self, value: float) -> None:
        """Take a value in."""
        self._num_noted = min(self._num_noted + 1, _NUM_REMEMBERED)
        mean = self.value or 0.0
        self.value = mean + (value - mean) / self._num_noted
