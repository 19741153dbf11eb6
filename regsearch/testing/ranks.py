"""The laws of trials that several workers train together, for engines with workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from regsearch.engines.base import Engine, SupervisingEngine
from regsearch.testing.engines import by_number
from regsearch.testing.train_functions import finite, go_on
from regsearch.testing.worker_train_functions import TrainMeeting, TrainNoting
from regsearch.testing.workers import DEADLINE, the_one_that_failed
from regsearch.trials import LOST, Report


class RankLaws:
    """Subclass it beside `WorkerEngineLaws`; the engine's two devices make one group."""

    @pytest.fixture
    def pair(self, engine: SupervisingEngine) -> Engine:
        """Returns the engine under test for trials on two devices."""
        return engine.suited(devices_per_trial=2, deadline=DEADLINE)

    def test_ranks_see_the_same_trials_and_answers(self, pair: Engine, tmp_path: Path) -> None:
        heard: list[float] = []

        def listen(report: Report) -> bool:
            heard.append(report.metrics["rank"])
            return report.trial == 1 and report.step == 1

        outcomes = by_number(pair.run(TrainNoting(tmp_path), finite(3), listen))
        assert [outcomes[number].state for number in range(3)] == ["complete", "pruned", "complete"]
        assert heard == [0.0] * 8, "rank 0 alone reports"
        first, second = ((tmp_path / rank).read_text() for rank in "01")
        assert first.count("Trial(") == second.count("Trial(") == 3
        assert first.startswith(second) or second.startswith(first)

    def test_a_rank_that_raises_ends_the_trial(self, pair: Engine) -> None:
        failed = the_one_that_failed(list(pair.run(TrainMeeting("raises"), finite(3), go_on)))
        assert failed.reason == "ValueError: on purpose"
        assert "Traceback" in failed.error

    def test_a_rank_that_dies_ends_the_trial(self, pair: Engine) -> None:
        failed = the_one_that_failed(list(pair.run(TrainMeeting("killed"), finite(3), go_on)))
        assert failed.reason.startswith(f"{LOST}: ")
        assert "rank 1" in failed.reason

    def test_a_rank_that_hangs_ends_the_trial(self, pair: Engine) -> None:
        """The other one waits for it, so that either may be the first to be missed."""
        failed = the_one_that_failed(list(pair.run(TrainMeeting("stopped"), finite(3), go_on)))
        assert failed.reason.startswith(f"{LOST}: ")
        assert "gave no word" in failed.reason

    def test_there_must_be_a_device_for_each_rank(self, engine: SupervisingEngine) -> None:
        with pytest.raises(ValueError, match="devices_per_trial"):
            engine.suited(devices_per_trial=3, deadline=None)
