"""Pages over studies, composed of regsearch's figures: `python -m dashboards.compare A B`."""
