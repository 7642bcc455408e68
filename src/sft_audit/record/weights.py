"""What fine-tuning did to the weights, read from the files a block at a time, without torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite, prod, sqrt
from typing import Any

from sft_audit.config import CheckpointConfig
from sft_audit.errors import AuditError
from sft_audit.models.checkpoint_files import layer_of, open_weights, part_of
from sft_audit.models.lora import Adapted, open_checkpoint
from sft_audit.models.safetensors_file import ROUNDING, Array, Block, Tensor, decoded, encoded
from sft_audit.record import Recording, table_recorder
from sft_audit.record.spectrum import LONGEST_SIDE, above_rounding, effective_rank, singular_values
from sft_audit.tables import table

WEIGHTS = table(
    "weights",
    "one tensor of the base model, of the checkpoint, or of both",
    """
    name VARCHAR the tensor, in one spelling whatever wrote the file
    part VARCHAR vision, projector or language
    layer VARCHAR the layer that it belongs to; outside of layers its module
    depth INTEGER number of that layer; null outside of layers
    shape VARCHAR its shape in the base model, or where it is
    n BIGINT its values
    present VARCHAR both: of one shape; reshaped: of two; base or checkpoint: in that one only
    identical BOOLEAN true where the checkpoint's is the base's, bit by bit or rounded; null where in one only
    rounded VARCHAR the type to which the base's values were rounded to be identical; null: bit by bit
    norm DOUBLE Frobenius norm of the base's; null where its type is compared only bit by bit
    change DOUBLE Frobenius norm of checkpoint less base
    relative_change DOUBLE change over norm
    spectral_change DOUBLE largest singular value of checkpoint less base, over the base's
    effective_rank_base DOUBLE effective rank of the base's; null: identical, no matrix, or a side above 2048
    effective_rank DOUBLE effective rank of the checkpoint's; null likewise
    effective_rank_of_change DOUBLE effective rank of what stands out of rounding in checkpoint less base
    """,
)
PARTS = table(
    "weight_parts",
    "one part of the model",
    """
    part VARCHAR vision, projector or language
    meant VARCHAR train or frozen, as --trained says; unknown where it is not given
    tensors BIGINT tensors in base and checkpoint
    n BIGINT their values
    identical BIGINT of these tensors, those that are identical
    relative_change DOUBLE Frobenius norm of the part's change over that of the base's, tensors of one shape
    largest_layer VARCHAR the layer of the largest relative change; null where nothing changed
    largest_change DOUBLE its relative change
    only_base BIGINT tensors in the base model only
    only_checkpoint BIGINT tensors in the checkpoint only
    """,
)
_SUMMED = """
    with layers as (
        select part, layer, sqrt(sum(change ** 2) / sum(norm ** 2)) as moved
        from weights
        where present = 'both' and norm > 0
        group by part, layer
    ), largest as (
        select part, arg_max(layer, (moved, layer)) as largest_layer, max(moved) as largest_change
        from layers
        where moved > 0
        group by part
    )
    insert into weight_parts by name
    select
        part,
        case
            when len($trained) = 0 then 'unknown'
            when list_contains($trained, part) then 'train'
            else 'frozen'
        end as meant,
        count(*) filter (present in ('both', 'reshaped')) as tensors,
        coalesce(sum(n) filter (present in ('both', 'reshaped')), 0) as n,
        count(*) filter (identical) as identical,
        if(sum(norm) > 0, round(sqrt(sum(change ** 2) / sum(norm ** 2)), 12), null) as relative_change,
        any_value(largest_layer) as largest_layer,
        round(any_value(largest_change), 12) as largest_change,
        count(*) filter (present = 'base') as only_base,
        count(*) filter (present = 'checkpoint') as only_checkpoint
    from weights
    left join largest using (part)
    group by part
    order by part
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a tensor moved: Frobenius norms of the base's and of the change, None where it is not numbers.

    `rounded` is the type to which the base's values were rounded to be identical.
    """

    identical: bool
    rounded: str | None
    norm: float | None
    change: float | None


@table_recorder(fills=(WEIGHTS, PARTS), requires="checkpoint")
def weights(recording: Recording) -> None:
    """Compare the weights of the checkpoint with the base model's, tensor by tensor."""
    import pyarrow as pa

    config = recording.config
    if not isinstance(config, CheckpointConfig) or config.base is None or config.checkpoint is None:
        raise TypeError("weights are compared under a CheckpointConfig with two folders")
    base = open_weights(config.base)
    after = open_checkpoint(config.checkpoint, base)
    if not base.keys() & after.keys():
        raise AuditError(
            f"{config.checkpoint}: no tensor is called as one of {config.base}; give the base it was made of"
        )
    _refuse_absent(config, {part_of(name) for name in (*base, *after)})
    rows = list(compare(base, after))
    recording.store.insert("weights", pa.Table.from_pylist(rows, schema=WEIGHTS.arrow_schema()))
    recording.store.execute(_SUMMED, {"trained": list(config.trained)})


def compare(base: Mapping[str, Tensor], after: Mapping[str, Tensor | Adapted]) -> Iterator[dict[str, Any]]:
    """Yield a row of `weights` for every tensor, by name.

    Memory: a few blocks, and for a matrix that moved two times the square of its smaller side, in float64.
    """
    for name in sorted({**base, **after}):
        yield _row(name, base.get(name), after.get(name))


def _refuse_absent(config: CheckpointConfig, parts: set[Any]) -> None:
    """Raise AuditError where a part that was meant to train has no tensor."""
    for part in config.trained:
        if part not in parts:
            raise AuditError(
                f"trained: the models have no tensor of the part {part!r}; name the parts they have"
            )


def _row(name: str, before: Tensor | None, after: Tensor | Adapted | None) -> dict[str, Any]:
    """Return the row of one tensor."""
    layer, depth = layer_of(name)
    shape = next(one.shape for one in (before, after) if one is not None)
    row = {
        "name": name,
        "part": part_of(name),
        "layer": layer,
        "depth": depth,
        "shape": " x ".join(map(str, shape)) or "1",
        "n": prod(shape),
    }
    if before is None or after is None:
        return row | {"present": "base" if after is None else "checkpoint"}
    if before.shape != after.shape:
        return row | {"present": "reshaped", "identical": False}
    return row | {"present": "both"} | _compared(before, after)


def _compared(before: Tensor, after: Tensor | Adapted) -> dict[str, Any]:
    """Return the measures of two tensors of one shape."""
    moved = _moved(before, after)
    found: dict[str, Any] = {"identical": moved.identical, "rounded": moved.rounded}
    if moved.norm is None or moved.change is None or not isfinite(moved.norm + moved.change):
        return found
    found |= {"norm": _short(moved.norm), "change": _short(moved.change)}
    if not moved.norm:
        return found
    found |= {"relative_change": _short(moved.change / moved.norm)}
    return found if moved.identical or not _is_matrix(before) else found | _spectra(before, after, moved.norm)


def _is_matrix(one: Tensor) -> bool:
    """Return whether it is a matrix or a kernel, not too large; three dimensions are a stack of experts."""
    return len(one.shape) not in (0, 1, 3) and 1 < min(one.rows, one.columns) <= LONGEST_SIDE


def _moved(before: Tensor, after: Tensor | Adapted) -> Moved:
    """Compare two tensors of one shape, a block at a time."""
    if isinstance(after, Adapted):
        change = float(sqrt((after.change_spectrum() ** 2).sum()))
        norm = sqrt(sum(_square(before.values(block)) for block in before.blocks()))
        return Moved(change == 0, None, norm, change)
    numbers = before.is_number and after.is_number
    alike = before.kind == after.kind
    norm = change = 0.0
    for block in before.blocks():
        old, new = before.bits(block), after.bits(block)
        same = before.kind == after.kind and bool((old == new).all())
        alike = alike and same
        if numbers:
            values = decoded(old, before.kind)
            norm += _square(values)
            change += 0.0 if same else _square(_less(decoded(new, after.kind), values))
    if not numbers:
        return Moved(alike, None, None, None)
    rounded = None if alike else _rounded(before, after)
    return Moved(alike or rounded is not None, rounded, sqrt(norm), sqrt(change))


def _rounded(before: Tensor, after: Tensor) -> str | None:
    """Return the type to which the base's values were rounded, if nothing else was done to them."""
    for kind in dict.fromkeys((after.kind, "BF16", "F16")):
        pairs = ((before.values(block), after.bits(block)) for block in before.blocks())
        if kind != before.kind and all(_rounds_to(old, new, kind, after.kind) for old, new in pairs):
            return kind
    return None


def _rounds_to(old: Array, new: Array, kind: str, stored: str) -> bool:
    """Return whether values rounded to a type, then stored as another, are these bits."""
    return bool((encoded(decoded(encoded(old, kind), kind), stored) == new).all())


def _square(values: Array) -> float:
    import numpy as np

    flat = values.reshape(-1)
    return float(np.dot(flat, flat))


def _spectra(before: Tensor, after: Tensor | Adapted, norm: float) -> dict[str, float | None]:
    """Return the measures of a matrix that moved which need its singular values."""
    rows, columns = before.rows, before.columns
    old = singular_values(before.values, rows, columns)
    new = singular_values(after.values, rows, columns)
    if isinstance(after, Adapted):
        change = after.change_spectrum()
        standing = change[change > 1e-12 * change[0]]
    else:
        change = singular_values(partial(_difference, before, after), rows, columns)
        standing = above_rounding(change, ROUNDING[after.kind], norm**2 / before.size, rows, columns)
    return {
        "spectral_change": _short(change[0] / old[0]),
        "effective_rank_base": _short(effective_rank(old)),
        "effective_rank": _short(effective_rank(new)),
        "effective_rank_of_change": _short(effective_rank(standing)),
    }


def _difference(before: Tensor, after: Tensor, block: Block) -> Array:
    return _less(after.values(block), before.values(block))


def _less(one: Array, other: Array) -> Array:
    """Return the difference in the place of the first; infinities of one sign make NaN."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        one -= other
    return one


def _short(value: float | None) -> float | None:
    """Return a number to seven digits: threads add in any order, and equal weights give equal rows."""
    return None if value is None else float(f"{value:.7g}")
