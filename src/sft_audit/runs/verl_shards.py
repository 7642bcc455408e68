"""verl's checkpoints, which hold a pickle a GPU: what merges them into a model that can be loaded."""

from pathlib import Path

_SHARDS = "model_world_size_*_rank_*.pt"
_DISTRIBUTED = ("model/dist_ckpt", "dist_ckpt")


def merge_command(checkpoint: Path) -> str | None:
    """Return verl's own command that merges the policy's shards of a checkpoint; None where it has none.

    It writes a model of transformers, with safetensors, into `merged` beside them. The shards are pickles,
    which run what they hold when they are opened: nothing here opens them. Source: verl 0.9.1,
    `verl/model_merger`.
    """
    for folder in (checkpoint / "actor", checkpoint):
        backend = None
        if any(folder.glob(_SHARDS)):
            backend = "fsdp"
        elif any((folder / name).is_dir() for name in _DISTRIBUTED):
            backend = "megatron"
        if backend:
            return (
                f"python -m verl.model_merger merge --backend {backend} --local_dir {folder} "
                f"--target_dir {checkpoint / 'merged'}"
            )
    return None
