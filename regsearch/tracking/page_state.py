"""What an experiment's page in MLflow keeps of itself: search, order, columns and charts.

The keys are the browser code's own, read off version 3.17 like the cards in `charts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regsearch.tracking import charts
from regsearch.tracking.base import StudyCard
from regsearch.tracking.charts import Card, Section
from regsearch.tracking.labels import study_id, trials_filter
from regsearch.tracking.names import key
from regsearch.tracking.vocabulary import Vocabulary, family

MOST_OTHERS = 4
ZEROS = "sparsity/all"
UNNAMED_FAMILY = "Model metrics"  # where MLflow puts metrics without a slash


@dataclass(frozen=True)
class Subject:
    """What a study's views are laid out for."""

    study: StudyCard
    seen: Vocabulary

    @property
    def goal(self) -> str:
        """The monitor as MLflow stores it."""
        return key(self.study.monitor or "loss/total")

    @property
    def others(self) -> list[str]:
        """The module's own metrics but for the monitor, those shown."""
        return [name for name in self.seen.others if name != self.goal][:MOST_OTHERS]

    def curve(self, metric: str) -> Card:
        """Returns the chart of a metric over the epochs."""
        scale: charts.Scale = "log" if self.seen.spreads(metric) else "linear"
        return charts.lines([metric], scale)


def page_state(subject: Subject, order: str, sections: Sequence[Section]) -> dict[str, Any]:
    """Returns the state of the page that shows one study's trials.

    Args:
        subject: The study.
        order: The metric that sorts the trials.
        sections: The charts, the first ones on top.
    """
    columns = _columns(subject)
    return {
        "searchFilter": trials_filter(study_id(subject.study.name)),
        # Sorted by anything but time, MLflow lists the trials one by one; otherwise it folds them
        # into the study's run, and there are no charts.
        "orderByKey": f"metrics.`{order}`",
        "orderByAsc": subject.study.direction == "minimize",
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {},
        "runsHiddenMode": "SHOW_ALL",
        "viewMaximized": False,
        "runListHidden": True,  # a click shows it; in a narrow window it would hide the charts
        "groupBy": None,
        "groupsExpanded": {},
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0},
        "chartsSearchFilter": "",
        **charts.laid_out([*sections, *_rest(subject, sections)]),
    }


def _rest(subject: Subject, sections: Sequence[Section]) -> list[Section]:
    """Returns closed sections for the metrics that no card of ours shows: MLflow adds charts."""
    shown = {card.get("metricKey") for section in sections for card in section.cards}
    left = [name for name in subject.seen.metrics if name not in shown]
    families = sorted({family(name) or UNNAMED_FAMILY for name in left})
    return [Section(name, is_open=False, columns=3, height=300) for name in families]


def _columns(subject: Subject) -> list[str]:
    """Returns the list's columns; of λ its logarithm, since MLflow cuts off a number's exponent."""
    tuned = [name for name in ("l1_ratio", *subject.seen.extras) if name in subject.seen.params]
    params = [f"params.`{name}`" for name in ("penalty", "log10_lam", *tuned)]
    metrics = [f"metrics.`{name}`" for name in (subject.goal, *subject.others, ZEROS)]
    return [*params, *metrics, "attributes.`Duration`", "tags.`regsearch.reason`"]
