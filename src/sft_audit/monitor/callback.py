"""The monitor inside a run: a callback of transformers' Trainer and the reward functions that it sees."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, get_args

from transformers import TrainerCallback

from sft_audit.errors import AuditError
from sft_audit.monitor.alerts import Alerts
from sft_audit.monitor.episode import Group, Step, paid_episode
from sft_audit.monitor.monitor import Monitor
from sft_audit.monitor.observer import Batch, Observer, Row, columns_to_log, read_batch
from sft_audit.monitor.watcher import Alarm, Point
from sft_audit.record.clusters import t_half_width
from sft_audit.record.tails import read_tails
from sft_audit.runs.folder import ALARMS
from sft_audit.runs.metric import numbers
from sft_audit.runs.names import by_name

OnAlarm = Literal["tell", "save", "stop"]
_log = logging.getLogger(__name__)


class Watch(TrainerCallback):
    """Watches a run of TRL or ms-swift from inside; it changes nothing that the run computes.

        watch = sft_audit.Watch(on_alarm="save")
        GRPOTrainer(..., reward_funcs=watch.rewards([accuracy]), callbacks=[watch])

    The completions of every step and their rewards are measured when the last reward function has returned,
    the trainer's numbers when they are logged. What is measured goes to the trainer's trackers as
    `audit/<measure>`, each alarm to the log and to `alarms.jsonl` in the run's folder. `on_alarm` is tell,
    save (a checkpoint at this step, too) or stop (end training after this step, too); notices are only told.

    `gold` names the column of known answers where its name does not tell. `limits`, `planned_kl` and
    `sft_audit` are as in RunConfig. `alarms` are those so far; `seconds` are what each step took in here.
    Where something in here fails, that is logged once, nothing more is watched, and the run goes on.

    In a distributed run every process shows its completions to all, once a generation, and the first one
    measures; what it wants done is told to all at the end of a step, so that they do it together.
    """

    def __init__(
        self,
        gold: str | None = None,
        on_alarm: OnAlarm = "tell",
        limits: Mapping[str, float] | None = None,
        planned_kl: float | None = None,
        sft_audit: str | Path | None = None,
    ) -> None:
        if on_alarm not in get_args(OnAlarm):
            raise AuditError(f"Watch(on_alarm={on_alarm!r}): write {', '.join(get_args(OnAlarm))}")
        self.monitor = Monitor(limits or {}, planned_kl)
        self.watching = True
        self.seconds: dict[int, float] = {}
        self._observer = Observer(self._see)
        self.observer = self._observer.observe
        self._gold = gold
        self._on_alarm: OnAlarm = on_alarm
        self._tails = read_tails(None if sft_audit is None else Path(sft_audit))
        self._generations: int | None = None
        self._weights: Sequence[float] | None = None
        self._alerts = Alerts()
        self._first = True
        self._begun = self._in_step = self._told = False
        self._step = 0
        self._wish: OnAlarm = "tell"  # what the first process wants done
        self._lock = threading.Lock()

    @property
    def alarms(self) -> list[Alarm]:
        """Return the alarms so far, in the first process."""
        return self.monitor.alarms

    def rewards(self, functions: Any) -> list[Any]:  # noqa: ANN401 - as the trainer takes them
        """Return reward functions, to be given to the trainer in place of these; they pay the same.

        Raises AuditError where one of them is a model.
        """
        return [
            self._observer.wrap(one) for one in (functions if isinstance(functions, list) else [functions])
        ]

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Learn how the run is set up."""
        self._begun, self._in_step = True, False
        self._first = state.is_world_process_zero
        self._generations = getattr(args, "num_generations", None)
        self._weights = getattr(args, "reward_weights", None)
        functions = self._observer.functions
        if functions and self._weights is not None and len(self._weights) != functions:
            _log.warning(
                "reward_weights has %d entries and Watch sees %d reward functions, so that it does not know "
                "which is whose, and watches nothing: give all of them to watch.rewards",
                len(self._weights),
                functions,
            )
            self.watching = False
        if self._first:
            self._guarded(0, self._open, Path(args.output_dir))
        self._guarded(0, t_half_width, 2, 1.0)  # what it imports is loaded before the first step

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._alerts = Alerts(folder / ALARMS)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Take the completions from here on for those that are trained on, not evaluated."""
        self._in_step, self._step = True, state.global_step + 1

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Do what an alarm asks for."""
        self._in_step = False
        if self._on_alarm != "tell":
            self._act(control, _together(self._wish)[0])

    def on_log(
        self,
        args: Any,  # noqa: ANN401, ARG002
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        logs: Mapping[str, Any] | None = None,
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Measure what the trainer logs of itself."""
        if self._first and logs:
            self._guarded(state.global_step, self._read_log, state.global_step, logs)
            if _world() == 1:
                self._act(control, self._wish)

    def _read_log(self, step: int, logs: Mapping[str, Any]) -> None:
        self._measure(Step(step, (), by_name(numbers(dict(logs)))))

    def _see(self, batch: Batch) -> None:
        """Take a batch: of all processes together, in the first one."""
        if not self._in_step:
            if not self._begun and not self._told:
                _log.warning(
                    "Watch sees completions before any training: if this is no evaluation, give "
                    "callbacks=[watch] to the trainer"
                )
                self._told = True
            return
        # Every process shows what it has, even one that no longer watches: the others wait for it.
        shown = _together(self._guarded(self._step, self._read, batch))
        if self._first and None not in shown:
            rows = [row for rows in shown for row in rows]
            self._guarded(self._step, self._read_rows, rows, batch.arguments.get("log_metric"))

    def _read(self, batch: Batch) -> list[Row]:
        """Return the rows of a batch; put what a later reader needs into the trainer's log."""
        log_extra = batch.arguments.get("log_extra")
        if callable(log_extra):
            for name, values in columns_to_log(batch.arguments, self._gold).items():
                log_extra(name, values)
        return read_batch(batch, self._gold, self._weights, self._generations)

    def _read_rows(self, rows: Sequence[Row], log_metric: Any) -> None:  # noqa: ANN401
        points = self._measure(Step(self._step, _groups(rows, self._generations, self._tails)))
        if callable(log_metric):
            for one in points:
                log_metric(f"audit/{one.measure}", one.value)
            log_metric("audit/alarms", float(len(self.alarms)))

    def _measure(self, step: Step) -> list[Point]:
        points, alarms = self.monitor.take(step)
        for one in alarms:
            if one.grade == "alarm":
                self._wish = self._on_alarm
            self._alerts.tell(one)
        return points

    def _act(self, control: Any, wish: OnAlarm) -> None:  # noqa: ANN401 - transformers' TrainerControl
        match wish:
            case "stop":
                control.should_training_stop = True
            case "save":
                control.should_save = True
        self._wish = "tell"

    def _guarded(self, step: int, do: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        """Do something, and never end the run by it; return None where it fails, or has before."""
        if not self.watching:
            return None
        began = perf_counter()
        try:
            with self._lock:
                return do(*arguments)
        except Exception:  # noqa: BLE001 - whatever fails in here, the user's run goes on
            self.watching = False
            _log.exception("sft-audit no longer watches this run, which goes on; what failed was")
            return None
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + perf_counter() - began


def _groups(rows: Sequence[Row], generations: int | None, tails: tuple[str, ...]) -> list[Group]:
    """Return the groups: so many rows each, as TRL and ms-swift order them; one where that is not known."""
    size = generations or len(rows)
    if len(rows) % size:
        raise ValueError(f"{len(rows)} completions are no groups of {size}")
    episodes = [paid_episode(one.completion, one.reward, one.prompt, one.gold, tails) for one in rows]
    return [episodes[at : at + size] for at in range(0, len(episodes), size)]


def _world() -> int:
    """Return how many processes train."""
    from torch import distributed

    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def _together(own: Any) -> list[Any]:  # noqa: ANN401
    """Return what every process has here, in their order; all of them come here."""
    if _world() == 1:
        return [own]
    from torch import distributed

    shown: list[Any] = [None] * _world()
    distributed.all_gather_object(shown, own)
    return shown
