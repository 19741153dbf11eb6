"""The coordinator's loop over groups of workers, whatever they are made of.

Everything a study decides happens here, in the caller's thread: a trial is pulled when a worker
asks for one, a report is answered by `on_report`, an outcome goes up as soon as it is there. A
group that dies, hangs or fails as a group loses its trials, as failed outcomes, and is replaced on
the same slot; what its workers had still to say is never heard.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator

from regsearch.engines.chances import Chances, is_collective_failure, is_out_of_memory
from regsearch.engines.group import Group, Held, OutOfStepError
from regsearch.engines.workers import Ask, Broken, Step, Transport, Worker, WorkerGoneError
from regsearch.trials import LOST, OnReport, Outcome, Report, Trial

GRACE = 0.5  # seconds after a rank's error in which to learn that it came of another rank's death

_log = logging.getLogger(__name__)


def run(
    transport: Transport, trials: Iterable[Trial], on_report: OnReport, *, deadline: float
) -> Iterator[Outcome]:
    """Runs trials on a transport's workers; the body of an engine's `run`.

    Args:
        transport: Used for this run, and closed at its end.
        trials: Pulled one at a time, when a worker asks. It may go on after it has ended: a lost
            trial that is to be tried again starts on the worker that replaces the dead one.
        on_report: Answers each report.
        deadline: Seconds without a word after which a group with a trial is ended.

    Raises:
        RuntimeError: If workers cannot be started.
    """
    crew = _Crew(transport, iter(trials), on_report, deadline)
    try:
        yield from crew.outcomes()
    finally:
        transport.close()


class _Crew:
    def __init__(
        self, transport: Transport, trials: Iterator[Trial], on_report: OnReport, deadline: float
    ) -> None:
        self._transport = transport
        self._trials = trials
        self._on_report = on_report
        self._deadline = deadline
        self._group_of: dict[Worker, Group] = {}
        self._again: deque[Trial] = deque()  # trials to hand out once more
        self._has_ended = False  # the stream of trials
        self._slots = 0  # so many have been started on
        self._chances = Chances()

    def outcomes(self) -> Iterator[Outcome]:
        self._open_slots()
        while self._group_of:
            heard = self._transport.wait(self._group_of.keys(), self._patience())
            now = time.monotonic()  # the caller may take long over an outcome: not their silence
            for worker in heard:
                yield from self._hear(worker)
            yield from self._end_the_overdue(now)
            self._open_slots()
            self._end_the_superfluous()

    def _open_slots(self) -> None:
        """Starts on every slot that is new: a cluster may grow."""
        while self._slots < self._transport.slots and self._is_useful():
            self._start(self._slots)
            self._slots += 1

    def _start(self, slot: int) -> None:
        group = Group(slot, self._transport.start(slot))
        self._group_of |= dict.fromkeys(group.workers, group)

    def _is_useful(self) -> bool:
        """Tells whether another group could get a trial."""
        return bool(self._again) or not self._has_ended

    def _hear(self, worker: Worker) -> Iterator[Outcome]:
        group = self._group_of.get(worker)
        if group is None:  # another rank's word has ended it a moment ago
            return
        try:
            said = worker.receive()
            if said is None:
                return
            group.heard(worker)
            if isinstance(said, Outcome):
                yield from self._take(group, worker, said)
            elif isinstance(said, Broken):
                yield from self._replace(group, said.error)
            else:
                self._reply(group, worker, said)
        except (WorkerGoneError, OutOfStepError) as error:
            yield from self._replace(group, f"{LOST}: {worker.name} {error}")

    def _reply(self, group: Group, worker: Worker, said: Ask | Report | Step) -> None:
        if group.failure:
            return
        if isinstance(said, Report):
            group.answer(Step(said.trial, said.step), self._decision(group, said))
        elif worker is not group.workers[0]:
            group.ask(worker, said)
        elif group.is_spent:
            self._restart(group)
        else:
            self._hand_out(group)

    def _decision(self, group: Group, report: Report) -> bool:
        held = group.held.get(report.trial)
        if held is None:  # it has had its outcome
            return True
        held.metrics = report.metrics
        return self._on_report(report)

    def _hand_out(self, group: Group) -> None:
        group.has_asked = True
        self._chances.started(group.slot)
        trial = self._again.popleft() if self._again else next(self._trials, None)
        self._has_ended = trial is None
        if trial is not None:
            group.held[trial.number] = Held(trial)
        group.answer(Ask(), trial)

    def _take(self, group: Group, worker: Worker, outcome: Outcome) -> Iterator[Outcome]:
        has_failed = outcome.state == "failed"
        if has_failed and len(group.workers) > 1:
            # The others may wait for this rank for ever; or it failed because another one died.
            is_its_own = outcome.number in group.held and not is_collective_failure(outcome)
            lost = f"{LOST}: {worker.name} failed: {outcome.reason}"
            group.fail(outcome.error if is_its_own else lost, time.monotonic() + GRACE)
        elif worker is group.workers[0] and outcome.number in group.held:
            del group.held[outcome.number]
            group.is_spent |= has_failed and is_out_of_memory(outcome)
            yield outcome

    def _replace(self, group: Group, error: str) -> Iterator[Outcome]:
        """Ends a group for this reason, which fails its trials, and starts another in its place."""
        self._end(group)
        for held in group.held.values():
            if len(group.workers) > 1 and self._chances.of_another_port(held, error):
                self._again.append(held.trial)
            else:
                self._has_ended = False  # the caller may want it to be tried again
                yield Outcome(held.trial.number, "failed", None, held.metrics, error)
        is_last = not self._group_of
        if group.has_asked or self._chances.of_another_start(group.slot, error, is_last=is_last):
            self._restart(group)

    def _restart(self, group: Group) -> None:
        self._end(group)
        if self._is_useful():
            self._start(group.slot)

    def _end(self, group: Group) -> None:
        group.end()
        for worker in group.workers:
            self._group_of.pop(worker, None)

    def _end_the_overdue(self, now: float) -> Iterator[Outcome]:
        for group in self._groups():
            patience = group.patience(self._deadline)
            if patience.ends > now:
                continue
            silence = f"gave no word for {patience.limit:g} s and was ended"
            if group.has_asked:
                error = group.failure or f"{LOST}: {patience.worker.name} {silence}"
                yield from self._replace(group, error)
            else:
                _log.warning("A worker is started again: %s %s", patience.worker.name, silence)
                self._restart(group)

    def _end_the_superfluous(self) -> None:
        """Ends what has not begun to work when there is nothing more to do."""
        for group in self._groups():
            if not group.has_asked and not self._is_useful():
                self._end(group)

    def _patience(self) -> float:
        """Returns for how many seconds nobody needs to be ended."""
        ends = min(group.patience(self._deadline).ends for group in self._groups())
        return max(0.0, ends - time.monotonic())

    def _groups(self) -> Iterable[Group]:
        return dict.fromkeys(self._group_of.values())
