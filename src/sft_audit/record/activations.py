"""How far a checkpoint's activations have drifted from its base model's, and what can be read from them."""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sft_audit.config import CheckpointConfig
from sft_audit.errors import AuditError
from sft_audit.models.probing import VisionLanguageModel
from sft_audit.record import Recording, table_recorder
from sft_audit.record.decode import UndecodableError
from sft_audit.record.features import KeptFeatures, keep_features
from sft_audit.record.labels import Fact, read_labels_of
from sft_audit.record.pictures import open_picture, read_picture
from sft_audit.record.retained import RETENTION, retained
from sft_audit.representation.drift import FALLBACK, drift, drift_values, is_beyond, null_low
from sft_audit.sample import content_hash
from sft_audit.store import Store
from sft_audit.tables import table

log = logging.getLogger(__name__)

ACTIVATIONS = table(
    "activations",
    "how like the base model's a checkpoint's activations at one place are, by one measure",
    """
    place VARCHAR vision.0, projector, language.0 and so on: a part, and which of its layers
    ordinal INTEGER 0 and on, in the order in which the model computes
    measure VARCHAR cka, cka_tokens, cosine or rank_ratio
    value DOUBLE checkpoint against base model; 1: unchanged
    low DOUBLE lower end of its 95 % interval over images
    high DOUBLE upper end of its 95 % interval
    n BIGINT images
    null_low DOUBLE 5 % quantile of the measure over benign runs, their least where fewer than 20; null: none
    null_runs INTEGER benign runs
    least DOUBLE what it is held against: null_low; else the fallback of the measure; null where it has none
    beyond BOOLEAN true where it is below that: its interval, or without benign runs its value
    """,
)
_IMAGES, _ENOUGH = 500, 20
_FACTS = """
    select image_id, question, answer_kind, canonical
    from answers
    where list_contains($images::varchar[], image_id) and canonical is not null and answer_kind <> 'free'
    order by sample_id, turn
"""
_ADDRESSES = "select images from probes where not text_only order by sample_id, turn"
Load = Callable[[Path], VisionLanguageModel]


@dataclass(frozen=True, slots=True)
class Pictures:
    """The distinct images of the probes: a path for each, and its number by every address that has it."""

    paths: tuple[str, ...]
    numbers: Mapping[str, int]
    contents: Mapping[str, int]


@table_recorder(
    fills=(ACTIVATIONS, RETENTION),
    needs=("probes", "answers"),
    after=("responses",),
    cost="model",
    requires="checkpoint",
)
def activations(recording: Recording) -> None:
    """Compare base model and checkpoint on the probes' images; one model is in memory at a time."""
    config = recording.config
    if not isinstance(config, CheckpointConfig) or config.base is None or config.checkpoint is None:
        raise TypeError(
            "activations are those of a checkpoint: they need a CheckpointConfig with both folders"
        )
    pictures = pictures_of(recording.store)
    if len(pictures.paths) < _ENOUGH:
        log.warning(
            "the probes have %d images, activations are compared on %d or more", len(pictures.paths), _ENOUGH
        )
        return
    models = 2 + len(config.null)
    log.warning("%s images are put to %d models for their activations", f"{len(pictures.paths):,}", models)
    compare(recording.store, pictures, config, _loader(config))


def compare(store: Store, pictures: Pictures, config: CheckpointConfig, load: Load) -> None:
    """Fill both tables; raise AuditError where a model has other places than the base model."""
    import pyarrow as pa

    with TemporaryDirectory(prefix="activations-", dir=store.folder) as name:
        folder = Path(name)

        def keep(model: Path | None, into: str) -> KeptFeatures:
            return keep_features(load(_given(model)), pictures.paths, folder / into)

        base = keep(config.base, "base")
        benign: dict[tuple[str, str], list[float]] = defaultdict(list)
        for number, run in enumerate(config.null):
            for place, values in _values(base, keep(run, f"null-{number}"), run):
                for measure, value in values.items():
                    benign[place, measure].append(value)
        sft = keep(config.checkpoint, "sft")
        drifted = list(_drift_rows(base, sft, benign, _given(config.checkpoint)))
        labels = read_labels_of(store, pictures.numbers, _known(config.sft_audit, pictures))
        read = [asdict(one) for one in retained(base, sft, labels)]
    for into, rows in ((ACTIVATIONS, drifted), (RETENTION, read)):
        store.insert(into.name, pa.Table.from_pylist(rows, schema=into.arrow_schema()))


def pictures_of(store: Store) -> Pictures:
    """Return the probes' images by content, at most 500 in the order of their hashes; what opens, that is."""
    addresses = sorted({one for (images,) in store.rows(_ADDRESSES) for one in json.loads(images)})
    by_content: dict[str, list[str]] = defaultdict(list)
    for address in addresses:
        try:
            open_picture(address)
            by_content[content_hash(read_picture(address))].append(address)
        except UndecodableError as fault:
            log.warning("%s: %s; no activations are taken on it", address, fault.detail)
    kept = [same for _, same in sorted(by_content.items())[:_IMAGES]]
    numbers = {address: number for number, same in enumerate(kept) for address in same}
    contents = {content: number for number, (content, _) in enumerate(sorted(by_content.items())[:_IMAGES])}
    return Pictures(tuple(same[0] for same in kept), numbers, contents)


def _known(audit: Path | None, pictures: Pictures) -> list[Fact]:
    """Return what the audited SFT data say of these images; nothing without an audit."""
    if audit is None:
        return []
    store = Store(audit, "2GB", 1, read_only=True)
    try:
        rows = store.rows(_FACTS, {"images": list(pictures.contents)})
    finally:
        store.close()
    return [(pictures.contents[image], *fact) for image, *fact in rows]


def _values(base: KeptFeatures, other: KeptFeatures, run: Path) -> Iterator[tuple[str, dict[str, float]]]:
    _refuse_others(base, other, run)
    for place in base.places:
        yield place, drift_values(base.place(place), other.place(place))


def _drift_rows(
    base: KeptFeatures, sft: KeptFeatures, benign: Mapping[tuple[str, str], Sequence[float]], run: Path
) -> Iterator[dict[str, Any]]:
    _refuse_others(base, sft, run)
    for ordinal, place in enumerate(base.places):
        for measure, found in drift(base.place(place), sft.place(place)).items():
            runs = benign.get((place, measure), ())
            low = null_low(runs)
            yield {
                "place": place,
                "ordinal": ordinal,
                "measure": measure,
                **asdict(found),
                "null_low": low,
                "null_runs": len(runs),
                "least": FALLBACK.get(measure) if low is None else low,
                "beyond": is_beyond(measure, found, low),
            }


def _refuse_others(base: KeptFeatures, other: KeptFeatures, run: Path) -> None:
    if other.places != base.places or any(
        (base.folder / name.name).stat().st_size != name.stat().st_size for name in other.folder.iterdir()
    ):
        raise AuditError(
            f"{run}: its layers are not those of the base model; give a fine-tune of the same architecture"
        )


def _loader(config: CheckpointConfig) -> Load:
    from sft_audit.models.vision_language import load_model

    def load(folder: Path) -> VisionLanguageModel:
        return load_model(folder, device=config.device, batch=config.batch, base=config.base)

    return load


def _given(folder: Path | None) -> Path:
    if folder is None:
        raise TypeError("a model is compared that is not there")
    return folder
