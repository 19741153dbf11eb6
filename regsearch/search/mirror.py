"""An Optuna storage of which this process is the only writer: read from memory, written to disk.

Optuna's own SQLite storage reads the running trials back from the file at every question a pruner
asks, and writes each reported value in a transaction of its own: 11 ms a report. One writer needs
no reading back, and a report can wait a second for the next ones, because the trial it belongs to
is trained anew if the process dies before the trial has ended. Parameters wait for the attribute
that is set once they are all drawn.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regsearch.search.backlog import Backlog


class MirroredStorage(BaseStorage):
    """One study of a database, held in memory; whatever is written goes to the database first.

    Ids are the database's for the study and counted from 0 for trials.

    Args:
        disk: The database.
        name: The study's name; the study must exist.
    """

    def __init__(self, disk: RDBStorage, name: str) -> None:
        self._disk = disk
        self._memory = InMemoryStorage()
        self.study_id = disk.get_study_id_from_name(name)
        self._own_id = self._memory.create_new_study(disk.get_study_directions(self.study_id), name)
        self._disk_ids: dict[int, int] = {}
        self._backlog = Backlog(disk.engine)
        self._load()

    def _load(self) -> None:
        for key, value in self._disk.get_study_user_attrs(self.study_id).items():
            self._memory.set_study_user_attr(self._own_id, key, value)
        for key, value in self._disk.get_study_system_attrs(self.study_id).items():
            self._memory.set_study_system_attr(self._own_id, key, value)
        for trial in self._disk.get_all_trials(self.study_id, deepcopy=False):
            self._disk_ids[self._memory.create_new_trial(self._own_id, trial)] = trial._trial_id

    def flush(self) -> None:
        """Writes what is still in memory alone."""
        self._backlog.flush()

    # What is written

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        """Refuses: a mirror holds one study."""
        raise NotImplementedError("A mirror holds one study.")

    def delete_study(self, study_id: int) -> None:
        """Refuses: a mirror holds one study."""
        raise NotImplementedError("A mirror holds one study.")

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Stores an attribute of the study."""
        self._disk.set_study_user_attr(self.study_id, key, value)
        self._memory.set_study_user_attr(self._own_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Stores an attribute that Optuna gives the study."""
        self._disk.set_study_system_attr(self.study_id, key, value)
        self._memory.set_study_system_attr(self._own_id, key, value)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Stores a new trial and returns its id."""
        disk_id = self._disk.create_new_trial(self.study_id, template_trial)
        trial_id = self._memory.create_new_trial(self._own_id, template_trial)
        self._disk_ids[trial_id] = disk_id
        return trial_id

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Keeps a suggested parameter, and writes it with the next attribute."""
        self._memory.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        disk_id = self._disk_ids[trial_id]
        self._backlog.add_param(disk_id, param_name, param_value_internal, distribution)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Stores how a trial stands, and all that was kept before that."""
        self.flush()
        self._disk.set_trial_state_values(self._disk_ids[trial_id], state, values)
        return self._memory.set_trial_state_values(trial_id, state, values)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Keeps a reported value, and writes it a second later or at the trial's end."""
        self._memory.set_trial_intermediate_value(trial_id, step, intermediate_value)
        if not math.isfinite(intermediate_value):
            self._disk.set_trial_intermediate_value(
                self._disk_ids[trial_id], step, intermediate_value
            )
            return
        self._backlog.add_report(self._disk_ids[trial_id], step, intermediate_value)
        if self._backlog.is_due:
            self.flush()

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Stores an attribute of a trial, and all that was kept before it."""
        if key in self._memory.get_trial(trial_id).user_attrs:
            self._disk.set_trial_user_attr(self._disk_ids[trial_id], key, value)
        else:
            self._backlog.add_user_attr(self._disk_ids[trial_id], key, value)
        self.flush()
        self._memory.set_trial_user_attr(trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Stores an attribute that Optuna gives a trial."""
        self._disk.set_trial_system_attr(self._disk_ids[trial_id], key, value)
        self._memory.set_trial_system_attr(trial_id, key, value)

    # What is read

    def get_study_id_from_name(self, study_name: str) -> int:
        """Returns the study's id in the database."""
        self._memory.get_study_id_from_name(study_name)
        return self.study_id

    def get_study_name_from_id(self, study_id: int) -> str:
        """Returns the study's name."""
        return self._memory.get_study_name_from_id(self._own_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Returns the study's direction, in a list."""
        return self._memory.get_study_directions(self._own_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Returns the study's attributes."""
        return self._memory.get_study_user_attrs(self._own_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Returns the attributes that Optuna gave the study."""
        return self._memory.get_study_system_attrs(self._own_id)

    def get_all_studies(self) -> list[Any]:
        """Returns the one study."""
        return self._memory.get_all_studies()

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Returns a trial."""
        return self._memory.get_trial(trial_id)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Returns the trials, or those in the given states."""
        return self._memory.get_all_trials(self._own_id, deepcopy, states)
