from __future__ import annotations

import copy

import torch
from rival_parts import norms

from napari_osuda.method import adapt, preset


def test_intent_averages_the_predictions_under_six_mixes_by_their_entropy(unet, batches):
    """Written once more: statistics by train mode, mixes stored in the layers, weights by the formula."""
    x = batches[0][:2]
    given = adapt(unet, batches, preset("intent")).finish()(x).softmax(1)
    for i, image in enumerate(x):
        seen = []

        def note(module, args, seen=seen):
            seen.append((args[0].mean((0, 2, 3)), args[0].var((0, 2, 3), correction=0)))

        handles = [m.register_forward_pre_hook(note) for m in norms(unet)]
        with torch.no_grad():
            copy.deepcopy(unet).train()(image[None])
        for handle in handles:
            handle.remove()
        ps, doubts = [], []
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            judge = copy.deepcopy(unet).eval()
            for m, (mean, var) in zip(norms(judge), seen, strict=True):
                m.running_mean.lerp_(mean, share)
                m.running_var.lerp_(var, share)
            with torch.no_grad():
                p = judge(image[None]).softmax(1)[0]
            h, marked = -(p * p.log()).sum(0), p.argmax(0) != 0
            both = 0 < marked.float().mean() < 1
            doubts.append(float((h[marked].mean() + h[~marked].mean()) / 2 if both else h.mean()))
            ps.append(p)
        surest = torch.tensor([-d for d in doubts])
        weight = ((surest - surest.min()) / (surest.max() - surest.min())).softmax(0)
        expected = sum(w * p for w, p in zip(weight, ps, strict=True))
        torch.testing.assert_close(given[i], expected, rtol=1e-3, atol=1e-5)
