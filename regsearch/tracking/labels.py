"""What stands on a run: its name, tags, params and colour.

People see these first, so they are short and sorted; programs find a run again by its tags:

    regsearch.kind        study | trial
    regsearch.study       the study's name; regsearch.study_id is safe in a filter
    regsearch.session     which start of the study wrote it
    regsearch.trial_key   <study>:<number>:<attempt>
    regsearch.penalty     its kind; regsearch.reason says why a trial did not complete
    regsearch.retry_of    the number of the attempt before, if there is one
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from regsearch.palette import OTHER_COLOR, PENALTY_COLORS
from regsearch.tracking.names import LONGEST_PARAM, LONGEST_TAG, checksum, key, line, text

KIND = "regsearch.kind"
STUDY_ID = "regsearch.study_id"
SESSION = "regsearch.session"
TRIAL_KEY = "regsearch.trial_key"
NUMBER = "regsearch.number"
REASON = "regsearch.reason"
RETRY_OF = "regsearch.retry_of"
NOTE = "mlflow.note.content"
LOG_LAM = "log10_lam"


def study_id(study: str) -> str:
    """Returns a study's identity in letters and digits."""
    return checksum(study, 16)


def study_tags(study: str, session: str) -> dict[str, str]:
    """Returns the tags of a study's run."""
    return {
        KIND: "study",
        "regsearch.study": text(study, LONGEST_TAG),
        STUDY_ID: study_id(study),
        SESSION: session,
    }


def trials_filter(identity: str) -> str:
    """Returns MLflow's search for the trials of a study, which is told by its `study_id`."""
    return f"tags.`{STUDY_ID}` = '{identity}' and tags.`{KIND}` = 'trial'"


def fact(tags: Mapping[str, str], params: Mapping[str, str], name: str) -> str:
    """Returns what a study says of itself; a param cannot change, so what is newer is a tag."""
    return str(tags.get(f"regsearch.{name}") or params.get(name, ""))


def study_params(card: Mapping[str, Any]) -> dict[str, str]:
    """Returns a study's facts as params."""
    facts = {**card["params"], "monitor": card["monitor"], "direction": card["direction"]}
    return {key(str(name)): text(value, LONGEST_PARAM) for name, value in facts.items()}


def trial_key(study: str, number: int, attempt: int) -> str:
    """Returns what a trial's run is found by again, whatever the study's name holds."""
    prefix = text(study, LONGEST_TAG - 60)
    mark = "" if prefix == study else f" {study_id(study)}"
    return f"{prefix}{mark}:{number}:{attempt}"


def trial_tags(number: int, attempt: int, params: Mapping[str, Any]) -> dict[str, str]:
    """Returns the tags of a trial's run, but for those of its study."""
    kind = str(params.get("penalty", ""))
    return {
        KIND: "trial",
        NUMBER: str(number),
        "regsearch.attempt": str(attempt),
        "regsearch.penalty": text(kind, LONGEST_TAG),
        "mlflow.runColor": PENALTY_COLORS.get(kind, OTHER_COLOR),
    }


def start_tags(event: Mapping[str, Any]) -> dict[str, str]:
    """Returns what is known of a trial when it starts, beyond `trial_tags`."""
    retry_of = event.get("retry_of")
    again = {} if retry_of is None else {RETRY_OF: str(retry_of)}
    return {"regsearch.seed": str(event["seed"]), **again}


def trial_name(number: int, params: Mapping[str, Any]) -> str:
    """Returns a trial's name, short enough to be read in a list of runs.

    Example:
        >>> trial_name(15, {"penalty": "l1", "lam": 0.0026})
        '0015 l1 2.6e-03'
        >>> trial_name(0, {"penalty": "none", "lam": 0.0})
        '0000 none'
    """
    lam = _strength(params)
    parts = [f"{number:04d}", str(params.get("penalty", "")), f"{lam:.1e}" if lam else ""]
    return line(" ".join(parts))


def trial_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Returns a trial's params as MLflow stores them; `log10_lam` where lam has a logarithm."""
    shown = {key(str(name)): text(value, LONGEST_PARAM) for name, value in params.items()}
    lam = _strength(params)
    return {**shown, LOG_LAM: str(math.log10(lam))} if lam else shown


def best_key(monitor: str) -> str:
    """Returns the metric under which a study shows the best value so far."""
    return key(f"best/{monitor}")


def _strength(params: Mapping[str, Any]) -> float:
    lam = params.get("lam")
    number = float(lam) if isinstance(lam, int | float) else 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
