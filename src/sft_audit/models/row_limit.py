"""The number of rows that memory holds at once: guessed, and halved where it was too many."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sft_audit.errors import AuditError

Row = TypeVar("Row")
Done = TypeVar("Done")
_WINDOW = 16  # batches that are looked at together, so that rows of a kind can share one
_NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")


@dataclass(slots=True)
class RowLimit:
    """At most `rows` rows at once. It only ever falls, and is kept from one call to the next."""

    rows: int
    where: str

    def apply(
        self,
        rows: Sequence[Row],
        kind: Callable[[Row], Hashable],
        work: Callable[[Sequence[Row]], Sequence[Done]],
    ) -> Iterator[Done]:
        """Yield in order what `work` makes of each row, given rows of one kind, as many as memory holds.

        Raises AuditError where memory does not hold one row.
        """
        start = 0
        while start < len(rows):
            window = rows[start : start + _WINDOW * self.rows]
            kinds: dict[Hashable, list[int]] = {}
            for at, row in enumerate(window):
                kinds.setdefault(kind(row), []).append(at)
            done: dict[int, Done] = {}
            waiting = list(kinds.values())
            while waiting:
                places = waiting.pop()
                now, later = places[: self.rows], places[self.rows :]
                made = self._tried([window[at] for at in now], work)
                if made is None:
                    later = places
                else:
                    done.update(zip(now, made, strict=True))
                if later:
                    waiting.append(later)
            yield from (done[at] for at in range(len(window)))
            start += len(window)

    def _tried(
        self, rows: Sequence[Row], work: Callable[[Sequence[Row]], Sequence[Done]]
    ) -> Sequence[Done] | None:
        try:
            return work(rows)
        except (RuntimeError, MemoryError) as fault:
            if not _lacks_memory(fault):
                raise
        # Here the fault is let go, and with it the tensors that its frames held.
        if len(rows) == 1:
            raise AuditError(
                f"{self.where}: memory does not hold one row; use a smaller model or --device cpu"
            )
        self.rows = len(rows) // 2
        _free()
        return None


def _lacks_memory(fault: BaseException) -> bool:
    from torch import OutOfMemoryError

    if isinstance(fault, (OutOfMemoryError, MemoryError)):
        return True
    return any(words in str(fault) for words in _NO_MEMORY)


def _free() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
