"""The doctors' benchmark: ratings of a model's reports, the raters' agreement, and the preferred version."""
