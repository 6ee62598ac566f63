"""What a machine trains with: a GPU or the processor, and whether it can compile."""

from functools import cache

import torch
from torch import Tensor

from latentsep.runtime import progress


def choose_device(name: str) -> torch.device:
    """``"auto"`` is a GPU where there is one, else the CPU. Raises ``ValueError`` for an unusable device."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise ValueError(f"device is {name!r}; choose auto, cpu" + (", cuda" if torch.cuda.is_available() else ""))
    return torch.device(name)


@cache
def compiler_works() -> bool:
    """Whether ``torch.compile`` can build code here: it needs a C++ compiler and Python's headers."""
    try:
        torch.compile(_probe)(torch.ones(64))
    except Exception as error:  # whatever is missing, training still works without it
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        progress.say(f"torch.compile does not work here, training takes about twice as long ({reason})")
        return False
    return True


def _probe(x: Tensor) -> Tensor:
    return (x.tanh() + 1).sum()
