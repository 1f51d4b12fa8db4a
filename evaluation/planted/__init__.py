"""Drawn reports with one planted error each, to measure how many the check of drafts finds."""
