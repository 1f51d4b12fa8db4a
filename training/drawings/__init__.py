"""The richer drawn films to come: what a film shows, and the words for it. Nothing here draws a pixel yet."""
