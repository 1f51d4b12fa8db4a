"""Right drafts made wrong in one way each, to show that a gate catches every way."""
