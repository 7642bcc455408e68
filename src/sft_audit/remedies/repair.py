"""Write the repaired data set, in the format and file layout it came in."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path, PurePosixPath

from sft_audit import __version__
from sft_audit.errors import AuditError, StaleAudit
from sft_audit.readers.file_bytes import FileBytes
from sft_audit.readers.inputs import CLEAN, RECORDS
from sft_audit.remedies.guards import damage, losses, require_little, require_read
from sft_audit.remedies.json_file import repair_json
from sft_audit.remedies.ledger import Ledger
from sft_audit.remedies.parquet_file import repair_parquet
from sft_audit.remedies.plan import (
    TREATED,
    InputFile,
    Plan,
    input_files,
    make_plan,
    planned_rows,
    treated,
    unasked,
)
from sft_audit.remedies.result import CleanResult
from sft_audit.store import Store, building, read_manifest, write_json

_SIDE_FILES = ("dataset_info.json",)
_MEMORY = "1GB"


def clean(
    audit: Path, out: Path, *, unsafe: Sequence[str] = (), force: bool = False, dry_run: bool = False
) -> CleanResult:
    """Apply the safe remedies, and those of the checks in `unsafe`, to the data set of an audit.

    Raises StaleAudit where a file is not the one that was audited, AuditError where the plan removes too much
    of a source and `force` does not insist.
    """
    manifest = read_manifest(audit)
    plan = make_plan(unsafe)
    with _opened(audit) as store:
        files = input_files(store, plan)
        _require_whole(audit, files, manifest["faults"])
        _require_apart(files, out)
        if not force:
            require_little(losses(store, plan))
            require_read(damage(store, plan))
        for one in files:
            _require_same(one, audit)
        images = _image_folder(store, files, manifest["configuration"]["images"])
        if dry_run:
            return _foreseen(store, plan, files, images)
        with building(out, needs_bytes=2 * sum(one.n_bytes for one in files), manifest=CLEAN) as folder:
            result = _write(store, plan, files, folder, out, images)
            _write_manifest(folder, audit, plan, files, result)
    return result


@contextmanager
def _opened(audit: Path) -> Iterator[Store]:
    store = Store(audit, _MEMORY, 2, read_only=True)
    try:
        yield store
    finally:
        store.close()


def _image_folder(store: Store, files: Sequence[InputFile], given: str | None) -> str | None:
    """Return the folder that image paths are relative to; None where no row has a path."""
    if not store.value("select count(*) from (from image_uses where uri <> 'embedded' limit 1)"):
        return None
    return given or str(Path(files[0].path).parent)


def _write(
    store: Store, plan: Plan, files: Sequence[InputFile], folder: Path, out: Path, images: str | None
) -> CleanResult:
    with Ledger(folder) as ledger:
        for one in files:
            _repair(store, one, plan, folder, ledger)
    _copy_side_files(files, folder)
    counts = ledger.counts
    return CleanResult(
        rows=sum(one.rows for one in files),
        kept=counts["kept"],
        changed=counts["changed"],
        removed=counts["removed"],
        mended=counts["mended"],
        by_check=dict(sorted(ledger.by_check.items())),
        unmended=dict(sorted(ledger.unmended.items())),
        unasked=unasked(store, plan),
        folder=out,
        files=tuple(out / one.file for one in files),
        images=images,
    )


def _repair(store: Store, one: InputFile, plan: Plan, folder: Path, ledger: Ledger) -> None:
    """Write one file; every row of it is accounted for."""
    (folder / one.file).parent.mkdir(parents=True, exist_ok=True)
    before = _accounted(ledger)
    if not one.touched and not one.mend:
        shutil.copyfile(one.path, folder / one.file)
        ledger.counts["kept"] += one.rows
    else:
        rows = planned_rows(store, plan, one.file)
        repair = repair_parquet if one.container == "parquet" else repair_json
        repair(one, rows, plan, folder, ledger)
    if _accounted(ledger) - before != one.rows:
        raise RuntimeError(f"{one.file}: {one.rows} rows went in, {_accounted(ledger) - before} came out")


def _accounted(ledger: Ledger) -> int:
    return sum(ledger.counts[fate] for fate in ("kept", "changed", "removed"))


def _foreseen(store: Store, plan: Plan, files: Sequence[InputFile], images: str | None) -> CleanResult:
    """Return what the repair would come to, without doing it; `changed` is an upper bound."""
    found = f"from ({TREATED}) where sample_id is not null"
    by_check = store.rows(
        f'select "check", count(distinct sample_id) {found} group by "check" order by "check"', treated(plan)
    )
    touched = store.value(f"select count(distinct sample_id) {found}", treated(plan))
    removed = store.value(
        f'select count(distinct sample_id) {found} and list_contains($drops, "check")',
        {**treated(plan), "drops": sorted(plan.drops)},
    )
    rows = sum(one.rows for one in files)
    return CleanResult(
        rows=rows,
        kept=rows - touched,
        changed=touched - removed,
        removed=removed,
        mended=0,
        by_check=dict(by_check),
        unmended={},
        unasked=unasked(store, plan),
        folder=None,
        files=(),
        images=images,
    )


def _require_whole(audit: Path, files: Sequence[InputFile], faults: Mapping[str, str]) -> None:
    if not files or not faults.keys().isdisjoint(("files", "samples")):
        raise AuditError(f"{audit}: the audit did not read all data; see its manifest.json, run it again")
    for one in files:
        if one.audited != one.rows:
            raise AuditError(
                f"{one.path}: {one.audited:,} of {one.rows:,} rows were audited; audit it without --sample"
            )
        name = PurePosixPath(one.file)
        if name.is_absolute() or ".." in name.parts or name.parts[0] in RECORDS:
            raise AuditError(f"{one.path}: {one.file} is a name that `clean` needs itself; rename the file")


def _require_apart(files: Sequence[InputFile], out: Path) -> None:
    for one in files:
        if out.resolve() in Path(one.path).resolve().parents:
            raise AuditError(f"{out}: holds the data set itself ({one.path}); choose another folder with -o")


def _require_same(one: InputFile, audit: Path) -> None:
    path = Path(one.path)
    if path.is_file() and path.stat().st_size == one.n_bytes:
        with FileBytes(path) as source:
            if source.finish() == one.content_hash:
                return
    what = "changed since it was audited" if path.is_file() else "is not there (audited from another folder?)"
    raise StaleAudit(f"{path}: {what}; run `sft-audit data` again, into {audit}")


def _copy_side_files(files: Sequence[InputFile], folder: Path) -> None:
    """Copy what lies beside the data files and is needed to load them."""
    for one in files:
        folders = zip(Path(one.path).parents, PurePosixPath(one.file).parents, strict=False)
        for (beside, inside), name in product(folders, _SIDE_FILES):
            if (beside / name).is_file() and not (folder / inside / name).exists():
                shutil.copyfile(beside / name, folder / inside / name)


def _write_manifest(
    folder: Path, audit: Path, plan: Plan, files: Sequence[InputFile], result: CleanResult
) -> None:
    outputs = []
    for one in files:
        with FileBytes(folder / one.file) as written:
            outputs.append({"file": one.file, "n_bytes": written.size, "content_hash": written.finish()})
    write_json(
        folder / CLEAN,
        {
            "sft_audit": __version__,
            "audit": str(audit),
            "drops": sorted(plan.drops),
            "rewrites": sorted(plan.rewrites),
            "counts": {
                "rows": result.rows,
                "kept": result.kept,
                "changed": result.changed,
                "removed": result.removed,
                "mended": result.mended,
            },
            "by_check": dict(result.by_check),
            "unmended": dict(result.unmended),
            "unasked": dict(result.unasked),
            "images": result.images,
            "inputs": [
                {"file": one.file, "path": one.path, "n_bytes": one.n_bytes, "content_hash": one.content_hash}
                for one in files
            ],
            "outputs": outputs,
        },
    )
