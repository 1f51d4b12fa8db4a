"""Drawn reports with one error planted in each: how many of them the check of drafts finds."""
