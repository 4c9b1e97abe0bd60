"""How much a pickle asks for, counted before anything is made of it."""

from __future__ import annotations

import io
import pickletools

from napari_osuda.errors import ModelError

__all__ = ["check_pickles"]

# A checkpoint takes about 20 operations a tensor.
_MOST_OPERATIONS = 1_000_000
# A legacy file has a magic number, a version, facts on the machine, what was saved, and a list of names.
_LEGACY_PICKLES = 5


def check_pickles(content: bytes, where: str, count: int = _LEGACY_PICKLES) -> None:
    """Refuse pickles, one after another in a file, that would make very many objects.

    A damaged pickle passes: who reads it says what is wrong.

    Parameters
    ----------
    content : bytes
    where : str
        How messages call it.
    count : int
        How many pickles are looked at.

    Raises
    ------
    ModelError
        More than a million operations.
    """
    stream, seen = io.BytesIO(content), 0
    for _ in range(count):
        try:
            for _ in pickletools.genops(stream):
                seen += 1
                if seen > _MOST_OPERATIONS:
                    raise ModelError(
                        f"{where} holds more than {_MOST_OPERATIONS:,} objects beside its tensors. Save the "
                        "weights alone: torch.save(model.state_dict(), ...)."
                    )
        except ModelError:
            raise
        except Exception:  # what is no pickle fails in any way
            return
