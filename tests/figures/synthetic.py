"""Studies that never ran: laws for values, zeros and norms of trials, so that figures have data.

A trial's loss is a bowl over log λ, its sparsity an S-curve, and its curves fall
towards the final value. Odd studies are those that a page must still be good for.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regsearch.figures.data import StudyData, WeightHistory

LAYERS = {"encoder.0.weight": 640, "encoder.2.weight": 320, "head.weight": 100}
BOTTOMS = {"l1": (-3.2, 0.16), "l2": (-2.4, 0.19), "elastic_net": (-2.8, 0.13), "none": (0.0, 0.24)}
HOSTILE = "<script>alert('x')</script>\n\"quoted\" & %{x} $y$ " + "long " * 20


def study(
    name: str = "digits: L1, L2 or both?",
    trials: int = 40,
    epochs: int = 20,
    *,
    kinds: tuple[str, ...] = ("l1", "l2", "elastic_net"),
    seed: int = 0,
    layers: Mapping[str, int] = LAYERS,
) -> StudyData:
    """Returns a study with a baseline, pruned trials and one failed one, to change at will."""
    data = _made(name, trials, epochs, kinds, seed, tuple(layers.items()))
    return dataclasses.replace(data, trials=data.trials.copy(), curves=data.curves.copy())


@functools.cache
def _made(
    name: str,
    trials: int,
    epochs: int,
    kinds: tuple[str, ...],
    seed: int,
    sizes: tuple[tuple[str, int], ...],
) -> StudyData:
    layers = dict(sizes)
    rng = np.random.default_rng(seed)
    rows, curves, clock = [], [], [0.0, 0.0]
    for number in range(trials):
        row = _setting(number, kinds, rng)
        curve = _curve(row, epochs, rng, layers)
        is_pruned = number > 6 and curve["val_loss"].iloc[epochs // 4] > 0.62
        state = "failed" if number == 11 else "pruned" if is_pruned else "complete"
        curve = curve.head({"failed": 2, "pruned": epochs // 4 + 1 + number % 4}.get(state, epochs))
        curves.append(curve)
        lane = int(np.argmin(clock))
        began, seconds = clock[lane], 0.4 * len(curve) + float(rng.uniform(0.1, 0.6))
        clock[lane] += seconds + 0.1
        last = curve.drop(columns=["trial", "step"]).iloc[-1].to_dict()
        value = math.nan if state == "failed" else last["val_loss"]
        reason = {"failed": "ValueError: x must hold", "pruned": "pruner"}.get(state, "")
        end = {"state": state, "value": value, "reason": reason}
        rows.append(row | last | end | {"attempt": 0, "seconds": seconds, "started": began})
    frame = pd.DataFrame(rows).assign(retry_of=pd.array([pd.NA] * trials, dtype="Int64"))
    return StudyData(
        name=name,
        monitor="val_loss",
        direction="minimize",
        trials=frame,
        curves=pd.concat(curves, ignore_index=True),
        weights={n: _weights(row, rng, layers) for n, row in enumerate(rows[:12])},
        extras=("lr", "width"),
    )


def _setting(number: int, kinds: tuple[str, ...], rng: np.random.Generator) -> dict[str, Any]:
    kind = "none" if number == 0 else kinds[number % len(kinds)]
    extras = {"lr": float(10 ** rng.uniform(-3, -2)), "width": int(rng.choice([32, 64]))}
    center = BOTTOMS.get(kind, (-3.0, 0.2))[0]
    near = number > 15 and rng.random() < 0.6
    log_lam = rng.normal(center, 0.4) if near else rng.uniform(-5, -1)
    ratio = (
        float(rng.uniform(0.05, 0.95)) if kind in ("elastic_net", "sparse_group_lasso") else None
    )
    lam = 0.0 if kind == "none" else float(10**log_lam)
    return {"number": number, "penalty": kind, "lam": lam, "l1_ratio": ratio, **extras}


def _curve(
    row: Mapping[str, Any], epochs: int, rng: np.random.Generator, layers: Mapping[str, int]
) -> pd.DataFrame:
    at = math.log10(row["lam"]) if row["lam"] else -6.0
    center, bottom = BOTTOMS.get(row["penalty"], (-3.0, 0.2))
    too_strong = max(at - center, 0.0) ** 2 * 0.55 if row["lam"] else 0.0
    too_weak = 0.09 * (1 - math.exp(-(max(center - at, 0.0) ** 2))) if row["lam"] else 0.0
    final = bottom * math.exp(too_strong) + too_weak + abs(rng.normal(0, 0.008))
    steps = np.arange(epochs)
    fall = np.exp(-steps / 4.0)
    noise = rng.normal(0, 0.006, epochs) * (1 + 4 * fall)
    val = final + (2.2 - final) * fall * 0.8 + noise
    train = np.maximum(val - (0.10 - 0.05 * (at + 5) / 2) * (1 - fall), 0.01) * 0.95
    zeros = _zeros(row, at) * (1 - np.exp(-steps / 5.0))
    columns: dict[str, Any] = {"trial": row["number"], "step": steps, "val_loss": val}
    columns |= {"val_acc": np.clip(1 - 0.3 * val, 0, 1), "loss/data": train}
    columns |= {"loss/penalty": row["lam"] * 50 * (1 - zeros), "sparsity/all": zeros}
    for depth, (layer, size) in enumerate(layers.items()):
        share = np.clip(zeros * (1.15 - 0.25 * depth), 0, 1)
        strength = 1 / (1 + row["lam"] * 300 / (1 + depth))
        columns[f"sparsity/{layer}"] = share
        columns[f"weight_norm/{layer}"] = (
            math.sqrt(size) * 0.2 * strength * (1 - share) + fall * 0.1
        )
    return pd.DataFrame(columns)


def _zeros(row: Mapping[str, Any], at: float) -> float:
    if row["penalty"] in ("none", "l2", "weight_decay"):
        return 0.0
    ratio = 1.0 if row["l1_ratio"] is None else row["l1_ratio"]
    return float(1 / (1 + math.exp(-2.2 * (at + math.log10(ratio) + 3.3))))


def _weights(
    row: Mapping[str, Any], rng: np.random.Generator, layers: Mapping[str, int]
) -> dict[str, WeightHistory]:
    edges: NDArray[np.float64] = np.linspace(-1, 1, 65)
    found = {}
    for layer, size in layers.items():
        drawn = [rng.normal(0, 0.3 / (1 + e / 6), size) for e in range(5)]
        counts = np.array([np.histogram(values, edges)[0] for values in drawn])
        zeros = size - counts.sum(axis=1)
        found[layer] = WeightHistory(np.arange(5), counts, zeros, edges)
    return found


def over_seeds(name: str = "seeds") -> StudyData:
    """Returns a study of two settings with three seeds each, and a lucky single run."""
    values = [0.20, 0.22, 0.24, 0.30, 0.31, 0.32, 0.10]
    lams = [1e-3] * 3 + [1e-2] * 3 + [1e-1]
    rows = pd.DataFrame({"value": values, "lam": lams, "seed": [0, 1, 2, 0, 1, 2, 0]})
    rows = rows.assign(number=range(7), state="complete", penalty="l1", l1_ratio=math.nan)
    return StudyData(name, "val_loss", "minimize", rows, pd.DataFrame(), extras=("seed",))


def _without_trials() -> StudyData:
    data = study(trials=2)
    return dataclasses.replace(
        data, trials=data.trials.head(0), curves=data.curves.head(0), weights={}
    )


def _bare() -> StudyData:
    return StudyData("bare", "val_loss", "minimize", pd.DataFrame(), pd.DataFrame())


def _in_state(state: str, value: float = math.nan) -> StudyData:
    data = study(trials=12)
    trials = data.trials.assign(state=state, value=value)
    return dataclasses.replace(data, trials=trials)


def _with_outlier() -> StudyData:
    data = study()
    trials = data.trials.copy()
    trials.loc[3, ["state", "value"]] = ["complete", 4.2e7]
    return dataclasses.replace(data, trials=trials)


def _with_gaps() -> StudyData:
    """NaN and infinite values in curves, None among values, a diverged trial."""
    data = study(trials=20)
    trials, curves = data.trials.copy(), data.curves.copy()
    trials["value"] = trials["value"].astype(object)
    trials.loc[4, ["state", "value", "reason"]] = ["pruned", None, "diverged"]
    trials.loc[5, "value"] = math.inf
    curves.loc[curves["trial"] == 4, ["val_loss", "loss/data", "sparsity/all"]] = math.nan
    curves.loc[curves["trial"].isin([0, 8]) & (curves["step"] == 3), "val_loss"] = math.inf
    return dataclasses.replace(data, trials=trials, curves=curves)


def _maximized() -> StudyData:
    data = study()
    trials = data.trials.assign(value=1 - 0.3 * data.trials["value"], **{"val_acc": 0.9})
    return dataclasses.replace(data, monitor="val_acc", direction="maximize", trials=trials)


def _hostile() -> StudyData:
    """A study all of whose names try to be markup."""
    layers = {f"{HOSTILE}{i}": 50 for i in range(3)}
    data = study(HOSTILE, trials=24, kinds=("l1", HOSTILE), layers=layers)
    names = {"val_loss": HOSTILE, "lr": f"lr{HOSTILE}"}
    trials = data.trials.rename(columns=names).assign(width=HOSTILE, reason=HOSTILE)
    curves = data.curves.rename(columns=names)
    return dataclasses.replace(
        data, monitor=HOSTILE, trials=trials, curves=curves, extras=(names["lr"], "width")
    )


def _same_everywhere() -> StudyData:
    data = study(trials=8, kinds=("l1",))
    return dataclasses.replace(
        data, trials=data.trials.assign(value=0.5, lam=1e-3, state="complete")
    )


def _without_curves() -> StudyData:
    data = study(trials=12)
    return dataclasses.replace(data, curves=pd.DataFrame(), weights={})


def _columns_missing() -> StudyData:
    data = study(trials=12)
    kept = ["number", "state", "value", "penalty", "lam"]
    curves = data.curves[["trial", "step", "val_loss"]]
    return StudyData(data.name, data.monitor, data.direction, data.trials[kept], curves)


def _many_kinds() -> StudyData:
    kinds = ("group_lasso", "sparse_group_lasso", "weight_decay", "of_my_own")
    return study(trials=40, kinds=kinds, layers={f"block.{i}.weight": 64 for i in range(50)})


def _negative() -> StudyData:
    data = study()
    return dataclasses.replace(data, trials=data.trials.assign(value=-data.trials["value"]))


ODD: dict[str, Callable[[], StudyData]] = {
    "as usual": study,
    "bare": _bare,
    "no trials": _without_trials,
    "one trial": lambda: study(trials=1),
    "two trials": lambda: study(trials=2),
    "all pruned": lambda: _in_state("pruned", 0.7),
    "all failed": lambda: _in_state("failed"),
    "all running": lambda: _in_state("running"),
    "an outlier": _with_outlier,
    "gaps": _with_gaps,
    "one epoch": lambda: study(trials=10, epochs=1),
    "one kind": lambda: study(kinds=("l2",)),
    "many kinds": _many_kinds,
    "maximized": _maximized,
    "negative values": _negative,
    "hostile names": _hostile,
    "same everywhere": _same_everywhere,
    "no curves": _without_curves,
    "columns missing": _columns_missing,
    "over seeds": over_seeds,
}
