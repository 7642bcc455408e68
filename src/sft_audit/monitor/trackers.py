"""Where the measures of a run are drawn: TensorBoard, Weights & Biases, MLflow, under `audit/`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from sft_audit.errors import AuditError
from sft_audit.monitor.watcher import Point
from sft_audit.store import Store


class Tracker(Protocol):
    """Something that draws scalars over steps."""

    def add(self, points: Sequence[Point]) -> None:
        """Add what steps came to."""

    def close(self) -> None:
        """Write what is left."""


class TensorBoard:
    """An event file in a folder."""

    def __init__(self, place: str) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._writer: Any = EventFileWriter(place)

    def add(self, points: Sequence[Point]) -> None:
        """Add a simple value for each point."""
        import time

        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        for one in points:
            value = Summary.Value(tag=f"audit/{one.measure}", simple_value=one.value)
            self._writer.add_event(
                Event(wall_time=time.time(), step=one.step, summary=Summary(value=[value]))
            )

    def close(self) -> None:
        """Write the file."""
        self._writer.close()


class Wandb:
    """A run of its own in a project; WANDB_MODE=offline keeps it here."""

    def __init__(self, place: str) -> None:
        import wandb

        self._run: Any = wandb.init(project=place, job_type="sft-audit")
        # Numbers of a step may come after those of later ones, which its own counter would refuse.
        self._run.define_metric("audit/*", step_metric="audit/step")

    def add(self, points: Sequence[Point]) -> None:
        """Log each point beside its step."""
        for one in points:
            self._run.log({f"audit/{one.measure}": one.value, "audit/step": one.step})

    def close(self) -> None:
        """End the run."""
        self._run.finish()


class MLflow:
    """A run of its own at a tracking address, such as sqlite:///mlflow.db."""

    def __init__(self, place: str) -> None:
        import mlflow

        try:
            mlflow.set_tracking_uri(place)
            mlflow.start_run(run_name="sft-audit")
        except mlflow.exceptions.MlflowException as fault:
            raise AuditError(f"--tracker mlflow={place}: {str(fault).splitlines()[0]}") from None
        self._mlflow: Any = mlflow

    def add(self, points: Sequence[Point]) -> None:
        """Log each point at its step."""
        for one in points:
            self._mlflow.log_metric(f"audit/{one.measure}", one.value, step=one.step)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


TRACKERS: Mapping[str, Callable[[str], Tracker]] = MappingProxyType(
    {"tensorboard": TensorBoard, "wandb": Wandb, "mlflow": MLflow}
)


def open_tracker(spec: str) -> Tracker:
    """Open what `NAME=PLACE` names; raise AuditError where it is none, or its package is not there."""
    name, _, place = spec.partition("=")
    if name not in TRACKERS or not place:
        raise AuditError(f"--tracker {spec}: write tensorboard=DIR, wandb=PROJECT or mlflow=ADDRESS")
    try:
        return TRACKERS[name](place)
    except ImportError:
        raise AuditError(f"--tracker {spec}: it takes the package {name}: pip install {name}") from None


@contextmanager
def tracking(spec: str | None) -> Iterator[Tracker | None]:
    """Open a tracker, if one is named, and close it; raise AuditError as `open_tracker`."""
    tracker = open_tracker(spec) if spec is not None else None
    try:
        yield tracker
    finally:
        if tracker is not None:
            tracker.close()


def read_points(audit: Path) -> list[Point]:
    """Return what the steps of an audited run came to."""
    store = Store(audit, "1GB", 1, read_only=True)
    names = ", ".join(one.name for one in fields(Point))
    try:
        return [Point(*row) for row in store.rows(f"select {names} from series order by step, measure")]
    finally:
        store.close()
