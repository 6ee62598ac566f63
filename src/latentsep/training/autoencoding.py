"""The trainings of chapter I: autoencoders of several kinds, with codes of several lengths, on digits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from latentsep.data import handwriting
from latentsep.data.benchmarks import HeldOut
from latentsep.data.handwriting import Handwriting
from latentsep.models.autoencoders import Autoencoders, Codes, Kind
from latentsep.training.protocols import DIGITS, Table, protocol
from latentsep.training.runs import Member, Run

#: The kinds of chapter I by name.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("plain"),
        Kind("linear", linear=True),
        Kind("sparse", sparsity=100.0),
        Kind("decayed", decay=1.0),
        Kind("variational", variational=True, sigma_x=0.5**0.5),  # the loss is squared error plus divergence
        Kind("calibrated", variational=True),
        Kind("noise", noise=0.5),
        Kind("masking", masked=0.5),
    )
}
LENGTHS = (2, 4, 8, 16, 32)
#: Which of them are trained as one ensemble: few enough for their weights to stay near the processor.
PARTS = (("plain", "linear"), ("sparse", "decayed"), ("variational", "calibrated"), ("noise",), ("masking",))
#: For the study of overfitting: widths of the hidden layers, how many digits are learned from, and the codes' length.
WIDTHS, FEW, WIDE_CODE = (16, 64, 256), 1_000, 16

SMOKE = 600  # pictures of the profile ``smoke``


@dataclass(frozen=True)
class Autoencoder(Member):
    """One autoencoder of a ``kind``, whose code has ``length`` numbers.

    All of one repetition start from the same weights and see the same pictures in the same order.
    """

    kind: Kind = KINDS["plain"]
    length: int = 2


@dataclass(frozen=True)
class Autoencoding(Run):
    """A run of autoencoders."""

    members: tuple[Autoencoder, ...]
    space: Codes = Codes()

    def model(self) -> Autoencoders:
        """The ensemble with its initial weights."""
        kinds, lengths, seeds = zip(*((m.kind, m.length, self.seed_of(m)) for m in self.members), strict=True)
        return Autoencoders(self.space, self.data.dimension, self.hidden, kinds, lengths, seeds, self.activation)


def digits(profile: str, mnist: str | None = None) -> tuple[Handwriting, str]:
    """The digits of a profile, and where they come from; ``smoke``, which only shows that it runs, takes a few."""
    found, source = handwriting.load(mnist)
    return (found.of(SMOKE) if profile == "smoke" else found), source


def kinds(data: Handwriting, profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any) -> list[Run]:
    """Every kind with every length of code: one ensemble of each of ``PARTS``, to be trained side by side."""
    parts = [[(KINDS[name], length) for name in names for length in LENGTHS] for names in PARTS]
    return runs_of(Autoencoding, data, parts, profile, repetitions, seed, **changes)


def widths(
    data: Handwriting, profile: str = "book", repetitions: int = 3, seed: int = 0, **changes: Any
) -> dict[int, list[Run]]:
    """Plain, variational and denoising autoencoders of few digits, by the width of their hidden layers."""
    few = data.first(min(FEW, data.most))
    names = ("plain",), ("variational", "calibrated"), ("noise",), ("masking",)
    parts = [[(KINDS[name], WIDE_CODE) for name in part] for part in names]
    return {w: runs_of(Autoencoding, few, parts, profile, repetitions, seed, **{**changes, "width": w}) for w in WIDTHS}


def runs_of(
    sort: type[Autoencoding],
    data: HeldOut,
    parts: Sequence[Sequence[tuple[Kind, int]]],
    profile: str,
    repetitions: int,
    seed: int,
    table: Table = DIGITS,
    **changes: Any,
) -> list[Run]:
    """One run of a sort for each part, a list of kinds and lengths, with so many repetitions of each."""
    settings = {"layers": 1, **protocol(profile, table, **changes)}
    return [
        sort(
            tuple(Autoencoder(1, 1.0, r, kind, length) for kind, length in part for r in range(repetitions)),
            data,
            # Only damage takes random numbers for every pixel.
            Codes(max(length for _, length in part), data.dimension if part[0][0].damages else 0),
            activation="relu",
            seed=seed,
            **settings,
        )
        for part in parts
    ]
