"""Many trials trained as one stacked model: start reading at `regsearch.training.fused.train`."""
