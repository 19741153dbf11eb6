"""A store with two studies, one of them with names that would like to be code, and its server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from regsearch.search.markdown import plain
from regsearch.tracking.base import StudyCard
from regsearch.tracking.mlflow import MLflowTracker
from regsearch.tracking.places import HOST, server_arguments
from regsearch.tracking.saved_views import TAG
from regsearch.trials import Histogram, Outcome, Report, State, Trial
from regsearch.ui.server import Server, free_port

HOSTILE = (
    "<script>window.pwned = 1</script><img src=x onerror=\"window.pwned = 1\"> 'a'\n\\ `b` | c"
)
KINDS = ("none", "l1", "l2", "elastic_net")
LAYERS = ("net.0.weight", "net.2.weight")
EPOCHS = 4
TRIALS_CSV = (
    "number,state,value,penalty,lam,reason\n0,complete,0.75,none,0.0,\n1,pruned,,l1,0.1,{}\n"
)


@dataclass(frozen=True)
class Lookout:
    """What a server shows.

    Attributes:
        address: The server's.
        links: The Overview of each study, by the study's name.
        studies: MLflow's id of each study's run, by the study's name.
        trials: MLflow's ids of each study's trials, by the study's name, in order.
        experiment: MLflow's id of the experiment.
        views: The ids of all views.
    """

    address: str
    links: Mapping[str, str]
    studies: Mapping[str, str]
    trials: Mapping[str, list[str]]
    experiment: str
    views: Sequence[str]

    def page(self, run: str, tab: str = "") -> str:
        """Returns the link to a run's page."""
        place = f"{self.address}/#/experiments/{self.experiment}/runs/{run}"
        return f"{place}{tab}?workflowType=machine_learning"


def tell(tracker: MLflowTracker, name: str, n_trials: int, report: str) -> None:
    """Tells a tracker of a study."""
    card = StudyCard(name, "val_loss", "minimize", n_trials, {"asked": name}, plain(name))
    tracker.open(card)
    for number in range(n_trials):
        kind = KINDS[number % len(KINDS)]
        lam = 0.0 if kind == "none" else 10.0 ** (-1 - number % 5)
        ratio = {"l1_ratio": (1 + number) / (2 + n_trials)} if kind == "elastic_net" else {}
        tracker.start(Trial(number, {"penalty": kind, "lam": lam, **ratio, "lr": 0.1}, seed=0))
        for step in range(EPOCHS):
            tracker.log(Report(number, step, _metrics(number, step), _histograms(number, name)))
        error = f"Traceback\nValueError: {name}" if number == n_trials - 1 else ""
        value = None if error else _metrics(number, EPOCHS)["val_loss"]
        state: State = "failed" if error else "complete"
        tracker.finish(Outcome(number, state, value, {}, error))
    quoted = '"' + name.replace('"', '""') + '"'
    files = {"trials.csv": TRIALS_CSV.format(quoted), "report.html": report}
    tracker.summarize(f"# {plain(name)}\n\n| best |\n| --- |\n| {plain(name)} |", files)


def _metrics(number: int, step: int) -> dict[str, float]:
    loss = 2.0 / (1 + number + step)
    metrics = {"val_loss": loss, "val_acc": 1 - loss / 4, "loss/data": loss, "loss/penalty": 0.1}
    for name in ("all", *LAYERS):
        metrics |= {f"sparsity/{name}": step / 8, f"near_zero/{name}": step / 6}
    for layer in LAYERS:
        metrics |= {f"weights_p{q}/{layer}": (int(q) - 50) / 100 for q in ("05", "25", "50")}
        metrics |= {f"weights_p{q}/{layer}": (int(q) - 50) / 100 for q in ("75", "95")}
        metrics[f"weight_norm/{layer}"] = 1.0 + number
    return metrics


def _histograms(number: int, study: str) -> dict[str, Histogram]:
    counts = tuple(max(0, 32 - abs(i - 32) - number) for i in range(64))
    names = (*LAYERS, HOSTILE) if study == HOSTILE else LAYERS
    return {name: Histogram(counts, 0.5, 9) for name in names}


@contextmanager
def lookout(folder: Path, uri: str, report: str) -> Iterator[Lookout]:
    """Writes the studies and serves them.

    Args:
        folder: Where what is not yet stored may lie.
        uri: An empty MLflow database.
        report: The text of the studies' `report.html`.
    """
    port = free_port()
    address = f"http://{HOST}:{port}"
    arguments = server_arguments(uri, port)
    assert arguments is not None
    with Server([str(folder / "no spools"), uri, address, *arguments], port) as server:
        trackers = {
            name: MLflowTracker(uri, spool=folder / "spool") for name in ("digits", HOSTILE)
        }
        for name, tracker in trackers.items():
            tell(tracker, name, 8 if name == "digits" else 4, report)
        for tracker in trackers.values():
            tracker.close()
        server.wait_until_it_answers()
        yield _found(address, trackers, _views(uri))


def _views(uri: str) -> list[str]:
    experiment = MlflowClient(uri).get_experiment_by_name("regsearch")
    assert experiment is not None
    return [tag.removeprefix(TAG) for tag in experiment.tags if tag.startswith(TAG)]


def _found(address: str, trackers: Mapping[str, MLflowTracker], views: Sequence[str]) -> Lookout:
    links, studies, trials = {}, {}, {}
    for name, tracker in trackers.items():
        link, place = tracker.url, tracker.place("report.html")
        assert link is not None
        assert place is not None
        links[name] = link.replace("http://127.0.0.1:5000", address)
        studies[name] = Path(place).parents[1].name
        trials[name] = [run for run in map(tracker.run_id, range(8)) if run is not None]
    experiment = next(iter(links.values())).split("/experiments/")[1].split("/")[0]
    return Lookout(address, links, studies, trials, experiment, views)
