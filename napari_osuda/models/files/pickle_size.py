"""How much a pickle asks for, counted before anything is made of it."""

from __future__ import annotations

import io
import pickle
import pickletools

from napari_osuda.errors import ModelError

__all__ = ["check_pickles"]

# A checkpoint takes about 20 operations a tensor.
_MOST_OPERATIONS = 1_000_000
# A legacy file has a magic number, a version, facts on the machine, what was saved, and a list of names.
_LEGACY_PICKLES = 5
# Calls on, and states of, what was made before and is only named again: each may copy all of it.
_MOST_COPIES = 200
_NAMED_AGAIN = frozenset({"GET", "BINGET", "LONG_BINGET"})
_ASIDE = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
# Of a number it makes so many bytes.
_FILLED = frozenset({"builtins bytearray", "__builtin__ bytearray"})


def check_pickles(content: bytes, where: str, count: int = _LEGACY_PICKLES) -> None:
    """Refuse pickles, one after another in a file, that would make very many or very large objects.

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
        More than a million operations, or copies of large objects over and over.
    pickle.UnpicklingError
        It makes bytes of a number.
    """
    stream, seen, copies = io.BytesIO(content), 0, 0
    for _ in range(count):
        ops = ("", "", "")
        try:
            for operation, argument, _ in pickletools.genops(stream):
                name = operation.name
                seen += 1
                if name in _ASIDE:
                    continue
                if name == "GLOBAL" and argument in _FILLED:
                    raise pickle.UnpicklingError(f"GLOBAL {str(argument).replace(' ', '.')}")
                copies += name in ("REDUCE", "BUILD") and _is_named_again(ops)
                if seen > _MOST_OPERATIONS or copies > _MOST_COPIES:
                    raise ModelError(
                        f"{where} holds more than {_MOST_OPERATIONS:,} objects beside its tensors, or copies "
                        "of them. Save the weights alone: torch.save(model.state_dict(), ...)."
                    )
                ops = (*ops[1:], name)
        except (ModelError, pickle.UnpicklingError):
            raise
        except Exception:  # what is no pickle fails in any way
            return


def _is_named_again(ops: tuple[str, str, str]) -> bool:
    """Whether operations end in something from the memory, alone or as the one item of a tuple."""
    return (
        ops[2] in _NAMED_AGAIN
        or (ops[2] == "TUPLE1" and ops[1] in _NAMED_AGAIN)
        or (ops[2] == "TUPLE" and ops[1] in _NAMED_AGAIN and ops[0] == "MARK")
    )
