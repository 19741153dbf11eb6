"""The views of one study as they were seen in a browser; `golden/views.json` holds them.

After a change that was looked at: `python -m tests.tracking.golden_views`.
"""

from __future__ import annotations

import json
from pathlib import Path

from regsearch.tracking.base import StudyCard
from regsearch.tracking.views import View, views_of
from regsearch.tracking.vocabulary import Vocabulary

FILE = Path(__file__).parent / "golden" / "views.json"
CARD = StudyCard("digits", "val_loss", "minimize", 40)


def vocabulary(n_layers: int = 2) -> Vocabulary:
    """Returns the names of a study with an extra, two metrics of its own and some layers."""
    layers = [f"net.{2 * i}.weight" for i in range(n_layers)]
    seen = Vocabulary()
    seen.note({"kind": "start", "params": {"penalty": "none", "lam": 0.0, "lr": 0.1}})
    elastic = {"penalty": "elastic_net", "lam": 0.1, "l1_ratio": 0.5, "lr": 0.1}
    seen.note({"kind": "start", "params": elastic})
    for value in (0.001, 1.0):
        metrics = {"val_loss": value, "val_acc": 0.5, "loss/data": value, "loss/penalty": 0.0}
        for name in ("all", *layers):
            metrics |= {f"sparsity/{name}": 0.5, f"near_zero/{name}": 0.5}
        for layer in layers:
            metrics |= {f"weights_p{q}/{layer}": -value for q in ("05", "25", "50", "75", "95")}
            metrics[f"weight_norm/{layer}"] = 1.0
        seen.note({"kind": "report", "metrics": metrics, "histograms": dict.fromkeys(layers)})
    return seen


def text(views: tuple[View, ...]) -> str:
    """Returns views as the file holds them."""
    found = [{"id": view.id, "name": view.name, "state": view.state} for view in views]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(views_of(CARD, vocabulary())), encoding="utf-8")
