"""The rows of the data set, as samples, turns and image slots."""

import json
import os
from hashlib import blake2b

from sft_audit.record import Recording, table_recorder
from sft_audit.tables import TABLES


@table_recorder(fills=("files", "samples", "problems", "turns", "image_uses"))
def samples(recording: Recording) -> None:
    """Read every row of every file."""
    import pyarrow as pa

    out = {name: [] for name in ("files", "samples", "turns", "image_uses")}
    for path in recording.config.data:
        text = path.read_text()
        rows = json.loads(text) if text.lstrip()[0] == "[" else [json.loads(l) for l in text.splitlines() if l.strip()]
        out["files"].append(dict(file=path.name, path=str(path), format="llava", container="json_array", n_bytes=len(text), content_hash="", rows=len(rows), malformed=0, audited=len(rows)))
        for i, row in enumerate(rows, 1):
            sid = f"{path.name}:{i}"
            raw = json.dumps(row).encode()
            turns = row.get("conversations") or row.get("messages")
            images = row.get("image", row.get("images", []))
            images = [images] if isinstance(images, str) else images
            extra = {k: v for k, v in row.items() if k not in ("conversations", "messages", "image", "images")}
            out["samples"].append(dict(sample_id=sid, row_hash=blake2b(raw, digest_size=16).hexdigest(), occurrence=1, id=row.get("id"), source=row.get("source", path.name), file=path.name, position=i, line=i, byte_offset=0, n_bytes=len(raw), format="llava", kind="sft", n_images=len(images), text_only=not images, malformed=False, reason=None, extra=json.dumps(extra)))
            for t, turn in enumerate(turns):
                role = {"human": "user", "gpt": "assistant"}.get(turn.get("from"), turn.get("role") or turn.get("from"))
                value = turn.get("value", turn.get("content"))
                out["turns"].append(dict(sample_id=sid, turn=t, role=role, text=value, supervised=role == "assistant", loss_weight=1.0, n_tokens=-(-len(value.encode()) // 4), n_placeholders=value.count("<image>")))
            for slot, uri in enumerate(images):
                out["image_uses"].append(dict(sample_id=sid, slot=slot, uri=uri, image_id=None, problem=None))
    for name, rows in out.items():
        recording.store.insert(name, pa.Table.from_pylist(rows, schema=TABLES[name].arrow_schema()))
    recording.store.execute("create or replace table samples as select * replace (row_number() over (partition by row_hash order by file, position)::integer as occurrence) from samples")
