"""The training protocols: what each profile means, for each kind of experiment."""

from collections.abc import Mapping
from typing import Any

from latentsep.models.networks import hidden_widths

Table = Mapping[str, Mapping[str, Any]]  # the fields of a ``Run``, by profile

#: ``smoke`` only shows that everything runs, ``book`` is what is published, ``thesis`` keeps to the thesis's rate and
#: full batch (thesis §5.3). At ten times the rate a quarter of the updates suffices, if the last of them, ``cooled``,
#: go at the thesis's again; chapter 5 holds the two paces against each other.
PROFILES: dict[str, dict[str, Any]] = {
    "smoke": {"updates": 60, "batch_size": 64},
    "book": {"updates": 25_000, "batch_size": 256, "learning_rate": 1e-3, "cooled": 0.32},
    "thesis": {"updates": 100_000, "batch_size": None},
}
#: The printed pace, against which chapter 5 holds that of ``book``.
PRINTED: Table = PROFILES | {"book": {"updates": 100_000, "batch_size": 256}}
#: For studies of many small ensembles, in which all are trained alike and none stands for a table of the thesis.
SHORT: Table = {
    "smoke": {"updates": 60, "batch_size": 64, "learning_rate": 1e-3},
    "book": {"updates": 10_000, "batch_size": 256, "learning_rate": 1e-3, "cooled": 0.3},
    "thesis": {"updates": 20_000, "batch_size": 256, "learning_rate": 1e-3},
}
#: For circles with other families of posteriors (Further work), of which some cost several times as much.
FURTHER: Table = {**SHORT, "book": {"updates": 5_000, "batch_size": 256, "learning_rate": 1e-3, "cooled": 0.3}}
#: For Algorithm 2: updates, and the latent variables that each of them draws (thesis §9.4).
REDUCTORS: dict[str, dict[str, int]] = {
    "smoke": {"updates": 30, "samples": 100},
    "book": {"updates": 1_000, "samples": 200},
    "thesis": {"updates": 10_000, "samples": 10_000},
}
#: For pictures, all of them in each batch (thesis §10.1.1, §10.2.1).
PICTURES: Table = {
    "smoke": {"updates": 60, "batch_size": None, "width": 8, "learning_rate": 3e-3},
    "book": {"updates": 2_000, "batch_size": None, "width": 64, "learning_rate": 3e-3},
    "thesis": {"updates": 100_000, "batch_size": None, "width": None, "learning_rate": 1e-4},
}
#: For the torus (thesis §11.3).
TORUS: Table = {
    "smoke": {"updates": 60, "batch_size": 64, "width": 8, "learning_rate": 3e-3},
    "book": {"updates": 6_000, "batch_size": 256, "width": 64, "learning_rate": 1e-3, "cooled": 0.125},
    "thesis": {"updates": 100_000, "batch_size": None, "width": None, "learning_rate": 1e-4},
}
#: What changes for rectified units, which Table 11.1 is sensitive to: in ``book`` they have the thesis's width, and a
#: rate at which no repetition is left behind (at 1e-3 one of five ends some ten nats above the others).
RECTIFIED: Table = {
    "smoke": {},
    "book": {"width": 208, "learning_rate": 3e-4},
    "thesis": {},
}
#: For handwritten digits (Foundations). In ``book`` small batches, of which two cores make most updates in a minute.
DIGITS: Table = {
    "smoke": {"updates": 20, "batch_size": 64, "width": 16, "learning_rate": 2e-3},
    "book": {"updates": 800, "batch_size": 64, "width": 128, "learning_rate": 2e-3, "cooled": 0.25},
    "thesis": {"updates": 20_000, "batch_size": 128, "width": 512, "learning_rate": 1e-3, "cooled": 0.25},
}
#: For drawn shapes (Foundations). Their outlines ask for a second hidden layer.
SHAPES: Table = {
    "smoke": {"layers": 2, "updates": 20, "batch_size": 64, "width": 16, "learning_rate": 2e-3},
    "book": {"layers": 2, "updates": 1_600, "batch_size": 64, "width": 128, "learning_rate": 4e-3, "cooled": 0.3},
    "thesis": {"layers": 2, "updates": 50_000, "batch_size": 128, "width": 512, "learning_rate": 1e-3, "cooled": 0.3},
}
#: For photographs (Foundations).
PHOTOGRAPHS: Table = {
    "smoke": {"updates": 10, "batch_size": 8, "learning_rate": 1e-3},
    "book": {"updates": 240, "batch_size": 32, "learning_rate": 4e-3},
    "thesis": {"updates": 25_000, "batch_size": 64, "learning_rate": 1e-3},
}


def protocol(profile: str, table: Table = PROFILES, pixels: int = 0, **changes: Any) -> dict[str, Any]:
    """The fields of a ``Run`` that a profile sets. A change that is ``None`` leaves the profile's value.

    In a table, ``cooled`` is a part of the updates, here a number of them; a ``width`` of ``None`` becomes that
    of networks that see all ``pixels`` of a picture, ⌊D/3⌋. Raises ``ValueError`` for an unknown profile.

    >>> protocol("book", updates=300, batch_size=None)
    {'updates': 300, 'batch_size': 256, 'learning_rate': 0.001, 'cooled': 96}
    """
    if profile not in table:
        raise ValueError(f"profile is {profile!r}; choose one of {', '.join(table)}")
    settings = {**table[profile], **{name: value for name, value in changes.items() if value is not None}}
    if "cooled" in settings and changes.get("cooled") is None:
        settings["cooled"] = int(settings["updates"] * settings["cooled"])
    if "width" in settings and settings["width"] is None:
        settings["width"] = hidden_widths(pixels, 1)[0]
    return settings
