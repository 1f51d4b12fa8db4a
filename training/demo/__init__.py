"""The demo model, from nothing: an eye taught on drawn films, then the three stages of fine-tuning on drawn studies."""
