"""What regsearch adds to training: to one trial, and to a whole study.

One trial by `train_each`, penalised and reported each epoch, beside the same quiet Trainer without
regsearch, in CPU seconds. Then the digits study, with its time divided into training and
book-keeping (asking, reporting, telling, tracking, opening and closing). Run by hand, in a folder
of its own:

    OMP_NUM_THREADS=1 python -m tests.benchmarks.trial_cost
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from regsearch.training.each import train_each
from regsearch.trials import OnReport, Outcome, Report, Trial
from studies.digits import data, module, study
from tests.benchmarks import bare
from tests.benchmarks.interleaved import machine, medians

ROUNDS, EPOCHS = 30, 6


def without() -> None:
    bare.fit(functools.partial(module, {}), data, EPOCHS)


def with_penalty(kind: str) -> None:
    params = {"penalty": kind, "lam": 1e-4, "l1_ratio": 0.5}
    trials = iter([Trial(0, params, seed=0)])
    task = replace(study().task, max_epochs=EPOCHS)
    (outcome,) = train_each(task, Path("weights"), trials, lambda report: False)
    assert outcome.state == "complete"


def share_of_bookkeeping() -> tuple[float, float]:
    """Returns the digits study's seconds, and the share of them in which nothing was trained."""
    clock = {"training": 0.0}

    def timed(trials: Iterator[Trial], on_report: OnReport) -> Iterator[Outcome]:
        outside = 0.0

        def report(what: Report) -> bool:
            nonlocal outside
            start = time.perf_counter()
            answer = on_report(what)
            outside += time.perf_counter() - start
            return answer

        for trial in trials:
            start, outside = time.perf_counter(), 0.0
            outcome = next(train_each(study().task, Path("weights"), iter([trial]), report))
            clock["training"] += time.perf_counter() - start - outside
            yield outcome

    start = time.perf_counter()
    study().run(train=timed, progress=False)
    seconds = time.perf_counter() - start
    return seconds, 1 - clock["training"] / seconds


def main() -> None:
    print(machine())
    ways = {"bare": without} | {
        kind: functools.partial(with_penalty, kind)
        for kind in ("none", "l1", "l2", "elastic_net", "group_lasso")
    }
    found = medians(ways, ROUNDS, time.process_time)
    print(f"bare Trainer: {found['bare']:.2f} s")
    for kind in list(found)[1:]:
        print(f"train_each, {kind}: {found[kind] / found['bare']:.2f} of it")
    seconds, share = share_of_bookkeeping()
    print(f"digits study: {seconds:.0f} s, book-keeping {share:.1%}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main()
