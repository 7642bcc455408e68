"""A model whose vision tower is harmed, and one whose tower is another and whose answers are the same."""

from pathlib import Path
from typing import Any

from sft_audit.demo.tiny_vlm import load


def drifted(model: Path, out: Path, noise: float = 3.0, seed: int = 0) -> Path:
    """Write the model with noise on the tower's weights: `noise` is in standard deviations of each tensor."""
    import torch

    vlm = load(model)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in vlm.model.model.vision_tower.parameters():
            if weight.numel() > 1 and weight.std() > 0:
                weight.add_(noise * weight.std() * torch.randn(weight.shape, generator=draw))
    return vlm.save(out)


def rotated(model: Path, out: Path, seed: int = 0) -> Path:
    """Write the model with the tower's channels in another order, which the projector's input undoes.

    The function is the same, and linear CKA between the towers is 1; a feature's cosine with itself falls.
    The rotation is a permutation because nothing more passes through a LayerNorm unseen: its normalisation
    commutes with every orthogonal map that keeps the vector of ones, but its scale and shift, which act
    channel by channel, commute with permutations alone; and those of the LayerNorm ahead of the residual
    stream cannot be folded into a matrix behind it, since that stream adds to its output.
    """
    import torch

    vlm = load(model)
    tower, projector = vlm.model.model.vision_tower, vlm.model.model.multi_modal_projector
    width = tower.config.hidden_size
    order = torch.randperm(width, generator=torch.Generator().manual_seed(seed))
    embeddings = tower.embeddings
    with torch.no_grad():
        _reorder(embeddings.class_embedding, 0, order)
        _reorder(embeddings.patch_embedding.weight, 0, order)
        _reorder(embeddings.position_embedding.weight, 1, order)
        for layer in tower.encoder.layers:
            for reads in (
                layer.self_attn.q_proj,
                layer.self_attn.k_proj,
                layer.self_attn.v_proj,
                layer.mlp.fc1,
            ):
                _reorder(reads.weight, 1, order)
            for writes in (layer.self_attn.out_proj, layer.mlp.fc2):
                _reorder(writes.weight, 0, order)
                _reorder(writes.bias, 0, order)
        for norm in (one for one in tower.modules() if isinstance(one, torch.nn.LayerNorm)):
            _reorder(norm.weight, 0, order)
            _reorder(norm.bias, 0, order)
        _reorder(projector.linear_1.weight, 1, order)
    return vlm.save(out)


def _reorder(weight: Any, axis: int, order: Any) -> None:
    weight.copy_(weight.index_select(axis, order))
