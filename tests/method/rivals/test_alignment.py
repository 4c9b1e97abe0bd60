from __future__ import annotations

import copy

import torch
from rival_parts import affine_of, norms

from napari_osuda.method import adapt, preset
from napari_osuda.method.rivals.alignment import strong_style


def test_grata_steps_by_the_consistency_as_far_as_it_agrees_with_the_entropy(unet, batches):
    """Written once more with torch's own BatchNorm and autograd."""
    judge = copy.deepcopy(unet).train()
    affine = affine_of(judge)
    optimizer = torch.optim.Adam(affine, lr=1e-3)
    turns = [
        (lambda x: x, lambda x: x),
        (lambda x: x.flip(2), lambda x: x.flip(2)),
        (lambda x: x.flip(3), lambda x: x.flip(3)),
        *((lambda x, k=k: x.rot90(k, (2, 3)), lambda x, k=k: x.rot90(-k, (2, 3))) for k in (1, 2, 3)),
    ]
    for t in range(3):
        x = batches[t % 3]
        p = judge(x).softmax(1)
        auxiliary = torch.autograd.grad(-(p * p.log()).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g in zip(affine, auxiliary, strict=True):
                value.sub_(g)
            target = torch.stack([undo(judge(turn(x)).softmax(1)) for turn, undo in turns]).mean(0)
        styled = strong_style(x, torch.Generator().manual_seed(t))
        pseudo = torch.autograd.grad(-(target * judge(styled).log_softmax(1)).sum(1).mean(), affine)
        with torch.no_grad():
            for value, g, after in zip(affine, auxiliary, pseudo, strict=True):
                value.add_(g)
                value.grad = after
        a, b = (torch.cat([g.flatten() for g in each]) for each in (auxiliary, pseudo))
        cosine = float(a @ b / (a.norm() * b.norm()))
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + cosine) ** 2 / 4
        optimizer.step()
    adaptation = adapt(unet, batches, preset("grata", iterations=3))
    list(adaptation)
    for ours, theirs in zip(norms(adaptation.model), norms(judge), strict=True):
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-3, atol=1e-5)
