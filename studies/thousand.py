"""How does the best strength move, seen by a thousand trials in one process?

The digits network again, 1,000 trials of it over no penalty, L1, L2, elastic net and group Lasso,
each fifteen epochs: too many to train one after another, so they are trained as one model, 64 at a
time. The poor ones are pruned and their places taken up at once.

    python -m studies.thousand
"""

from __future__ import annotations

import time

from regsearch import Space, Study, Task
from studies.digits import data, module

N_TRIALS = 1000
EPOCHS = 15
WIDTH = 64

KINDS = ("l1", "l2", "elastic_net", "group_lasso")


def study(n_trials: int = N_TRIALS, storage: str | None = "sqlite:///regsearch.db") -> Study:
    task = Task(module, data, max_epochs=EPOCHS, monitor="val_loss")
    return Study("thousand", task, Space(KINDS), n_trials, storage=storage)


if __name__ == "__main__":
    start = time.perf_counter()
    study().run(train="fused", width=WIDTH)
    seconds = time.perf_counter() - start
    print(f"{N_TRIALS} trials in {seconds:.0f} s, {N_TRIALS / seconds:.1f} a second.")
