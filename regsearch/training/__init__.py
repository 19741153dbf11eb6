"""How trials are trained: one Trainer after another."""
