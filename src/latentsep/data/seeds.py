"""Random streams with names, so that no number in the book depends on what was drawn before it."""

import hashlib

import torch


def derive(seed: int, *names: object) -> int:
    """Return the 63-bit seed of the stream called ``names`` under a base ``seed``.

    Unlike ``seed + 1, seed + 2, ...`` the derived seeds of two streams are unrelated, and adding a
    stream never shifts another.

    >>> derive(0, "init") == derive(0, "init"), derive(0, "init") == derive(0, "noise")
    (True, False)
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: object, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a fresh ``torch.Generator`` for the stream called ``names`` under a base ``seed``."""
    return torch.Generator(device).manual_seed(derive(seed, *names))
