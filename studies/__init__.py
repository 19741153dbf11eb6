"""One file, one question; each runs from the repository's root: `python -m studies.digits`."""
