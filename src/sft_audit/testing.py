"""Put one check to a few rows: how a check's own examples are tested, here and in plug-ins."""

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeGuard

from sft_audit.audit import keep
from sft_audit.check import Example, TableRows, Tables, Weights, find_check
from sft_audit.example import ANSWERS, EXACT_REWARD
from sft_audit.record import all_recorders
from sft_audit.session import run
from sft_audit.store import Store, write_json
from sft_audit.tables import TABLES


def findings_of(
    code: str, example: Example, options: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Audit LLaVA rows with one check alone and return its findings, as dictionaries in report order.

    For a check of reward functions the example is the source of one, asked about `example.ANSWERS` or the
    data that the check gives; or rows, about which one that compares exactly is asked.

    For a check of checkpoints it is the log of the checkpoint's answers to the probes that the check gives as
    `data`, beside the base model's that it gives as `base`; or its weights, by name, beside the base model's.

    Rows of tables, by table, are put into the tables as they are, and the check is asked: no audit is run.

    Rows may use the example images of `make_images`; the files that the check's examples need are given.
    `options` are further fields of the configuration of its subject.
    """
    if _of_tables(example):
        return _findings_in(code, example)
    from sft_audit.config import CONFIGS, parse_config

    with TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "images")
        is_reward = find_check(code).subject == "reward"
        files = {"data": example if isinstance(example, list) else ANSWERS, **find_check(code).given}
        models = _write_models(folder, example, files) if _of_weights(example) else {}
        for option, content in files.items():
            write_json(folder / f"{option}.json", content)
        asked: dict[str, object] = {
            **{option: folder / f"{option}.json" for option in files},
            "images": folder / "images",
            "out": folder / "audit",
            "select": (code,),
            "workers": 1,
            **models,
            **(options or {}),
        }
        kind = CONFIGS[find_check(code).subject]
        if is_reward:
            source = example if isinstance(example, str) else EXACT_REWARD
            (folder / "reward.py").write_text(source, encoding="utf-8")
            function = "compute_score" if "def compute_score(" in source else "reward"
            asked = {"target": f"{folder / 'reward.py'}:{function}", "seconds": 0.5, "answers": 32, **asked}
        report = run(parse_config(asked, "findings_of", kind))
        crashed = [e for e in report.evidence if e["check"] == code and e["state"] != "gathered"]
        if crashed:
            raise RuntimeError("\n".join(report.faults.values()))
        found: list[dict[str, Any]] = report.findings.to_pylist()
        return found


def _of_weights(example: Example) -> TypeGuard[Weights]:
    return isinstance(example, Mapping)


def _of_tables(example: Example) -> TypeGuard[TableRows]:
    return isinstance(example, Mapping) and all(
        isinstance(row, Mapping) for rows in example.values() for row in rows
    )


def _findings_in(code: str, tables: TableRows) -> list[dict[str, Any]]:
    """Ask a check about these rows of tables; columns that a row leaves out are null."""
    import pyarrow as pa

    all_recorders()  # which declare tables of their own
    one = find_check(code)
    if unread := sorted(set(tables) - set(one.reads)):
        raise ValueError(f"{code}: it has example rows of {unread[0]}, a table that it does not say it reads")
    with TemporaryDirectory() as name:
        store = Store(Path(name), "1GB", 1)
        try:
            for table, rows in tables.items():
                schema = TABLES[table].arrow_schema()
                if unknown := sorted({column for row in rows for column in row} - set(schema.names)):
                    raise ValueError(f"{code}: its example has {unknown[0]}, which is no column of {table}")
                store.insert(table, pa.RecordBatch.from_pylist(rows, schema=schema))
            keep(store, one, one.ask(Tables(), **one.options))
            found: list[dict[str, Any]] = store.arrow(
                "from findings order by sample_id, turn, message"
            ).to_pylist()
            return found
        finally:
            store.close()


def _write_models(folder: Path, weights: Weights, given: dict[str, Any]) -> dict[str, object]:
    """Write a checkpoint and the base model that is given, and return the options that say what is audited.

    Takes from `given` what is no file: the base model and the options that are lists of words.
    """
    write_model(folder / "base", given.pop("base"))
    write_model(folder / "checkpoint", weights)
    words = [name for name, value in given.items() if all(isinstance(one, str) for one in value)]
    return {
        "base": folder / "base",
        "checkpoint": folder / "checkpoint",
        **{name: given.pop(name) for name in words},
    }


def write_model(folder: Path, weights: Weights) -> None:
    """Write matrices by name as the folder of a model: config.json and model.safetensors, f32."""
    folder.mkdir()
    write_json(folder / "config.json", {"model_type": "example"})
    header, content = {}, b""
    for name, rows in weights.items():
        values = [value for row in rows for value in row]
        places = [len(content), len(content) + 4 * len(values)]
        header[name] = {
            "dtype": "F32",
            "shape": [len(rows), len(values) // len(rows)],
            "data_offsets": places,
        }
        content += struct.pack(f"<{len(values)}f", *values)
    written = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(written)) + written + content)


def make_images(folder: Path) -> None:
    """Write the example images: two scenes, one saved twice, a blank sheet, and files hard to read."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True)
    _scene(1).save(folder / "kitchen.jpg", quality=92)
    _scene(1).save(folder / "kitchen-again.jpg", quality=50)
    _scene(2).save(folder / "street.jpg", quality=92)
    Image.fromarray(np.full((96, 128, 3), 255, np.uint8)).save(folder / "blank.png")
    _make_unusual(folder)
    whole = (folder / "kitchen.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "error-page.jpg").write_bytes(b"<html><body>403 Forbidden</body></html>")
    (folder / "empty.jpg").write_bytes(b"")
    claim = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + claim + struct.pack(">I", zlib.crc32(claim))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"\0\0\0\0IDAT\x35\xaf\x06\x1e")


def _make_unusual(folder: Path) -> None:
    """Write whole images that decoders read differently: animated, transparent, CMYK, 16-bit, turned."""
    import numpy as np
    from PIL import Image

    _scene(3).save(folder / "animated.gif", save_all=True, append_images=[_scene(4), _scene(5)])
    see_through = _scene(6).convert("RGBA")
    see_through.putalpha(Image.linear_gradient("L").resize(see_through.size))
    see_through.save(folder / "alpha.png")
    _scene(7).convert("CMYK").save(folder / "cmyk.jpg")
    deep = np.asarray(_scene(8).convert("L")).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    _scene(9).save(folder / "turned.jpg", exif=exif)


def _scene(seed: int) -> Any:  # noqa: ANN401 - imported late
    """Return a 192 x 144 scene: a coloured gradient with twelve boxes."""
    import numpy as np
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(seed)
    low, high = np.sort(rng.integers(0, 256, (2, 3)), axis=0)
    ramp = np.linspace(0, 1, 144)[:, None, None] * np.ones((1, 192, 1))
    image = Image.fromarray((low + ramp * (high - low)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = (int(v) for v in rng.integers(8, 120, 4))
        draw.rectangle((x, y, x + w // 2, y + h // 2), fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    return image
