from __future__ import annotations

import torch

from napari_osuda.benchmark.comparators.pool import ImagePool


def test_the_pool_hands_on_what_comes_until_it_is_full_and_mixes_then():
    noise = torch.Generator().manual_seed(0)
    pool, first = ImagePool(4), torch.arange(4.0).view(4, 1, 1, 1)
    assert torch.equal(pool.exchange(first, noise), first)
    given = pool.exchange(torch.arange(4.0, 24.0).view(20, 1, 1, 1), noise).flatten().tolist()
    exchanged = [value for value, came in zip(given, range(4, 24), strict=True) if value != came]
    assert 3 < len(exchanged) < 17
    assert set(exchanged) <= set(range(24))
    other = ImagePool(4)
    other.load_state_dict(pool.state_dict())
    again = [p.exchange(first, torch.Generator().manual_seed(1)) for p in (pool, other)]
    assert torch.equal(*again)
    empty = ImagePool(0)
    assert torch.equal(empty.exchange(first, noise), first)
    empty.load_state_dict(empty.state_dict())
