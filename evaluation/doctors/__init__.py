"""The doctors' benchmark: what raters said of a model's reports, how far they agree, which version they prefer."""
