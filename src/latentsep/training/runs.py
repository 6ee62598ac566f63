"""What determines a trained ensemble: its members, data, latent space, networks, optimiser and random numbers."""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from latentsep.data import seeds
from latentsep.data.benchmarks import Benchmark, Data
from latentsep.models.latent_spaces import Euclidean, LatentSpace
from latentsep.models.networks import ACTIVATIONS, hidden_widths
from latentsep.models.vae import VAE

ANNEALED = 0.7  # part of the updates over which σ_X falls, where it does
LARGE = 50_000  # entries of a layer's weights
COOLED, LEAST = 0.1, 2e-3  # the learning rate of cooled updates, and the last one of a cosine, over that of others


@dataclass(frozen=True)
class Member:
    """One autoencoder of an ensemble: the dataset it sees (σ for the benchmark), its σ_X, its repetition."""

    dataset: float
    sigma_x: float
    repetition: int = 0


@dataclass(frozen=True)
class Run:
    """Everything that determines a trained ensemble (thesis §3.4, §3.5, §5.3).

    ``batch_size=None`` takes the whole dataset for every update, as the thesis does; otherwise each
    member draws that many datapoints, independently and uniformly, for each update. ``samples`` is
    L. The optimiser is Adam with β₁ = 0.9, β₂ = 0.999. ``width`` is that of the hidden layers, ⌊D/3⌋ if
    it is ``None``.

    Things that the thesis does not have. During the last ``cooled`` updates the learning rate is a tenth:
    runs far shorter than the thesis's need a higher rate, and end as quietly. The others are for data whose
    topology a plain start does not find. With ``annealing``, σ_X falls to its value from that many root mean
    squares of the data, geometrically over the first ``ANNEALED`` of the updates. During the first ``guided``
    updates the posteriors are given: narrow ones at the angles of ``data.angles``; the decoder learns from
    samples of these, and the encoder learns to produce them. Then Algorithm 1 takes over, best ``cooled`` so
    that its first steps do not undo the start. Raises ``ValueError`` for a value out of range.
    """

    members: tuple[Member, ...]
    data: Data = Benchmark()
    space: LatentSpace = Euclidean(2)
    layers: int = 2
    width: int | None = None
    activation: str = "tanh"
    updates: int = 100_000
    batch_size: int | None = 256
    samples: int = 1
    learning_rate: float = 1e-4
    seed: int = 0
    cooled: int = 0
    annealing: float | None = None
    guided: int = 0
    decay: float = 0.0
    clip: float | None = None
    cosine: bool = False
    compiles: ClassVar[bool] = True  # whether that pays for a long run

    def __post_init__(self):
        _require("members", self.members, len(self.members) > 0, "at least one Member")
        _require("layers", self.layers, self.layers >= 1, "1 or more")
        _require("activation", self.activation, self.activation in ACTIVATIONS, " | ".join(ACTIVATIONS))
        _require("updates", self.updates, self.updates >= 0, "0 or more")
        _require("batch_size", self.batch_size, self.batch_size is None or self.batch_size >= 1, "None or 1 or more")
        _require("samples", self.samples, self.samples >= 1, "1 or more")
        _require("learning_rate", self.learning_rate, self.learning_rate > 0, "a positive number")
        _require("width", self.width, self.width is None or self.width >= 1, "None or 1 or more")
        _require("annealing", self.annealing, self.annealing is None or self.annealing > 0, "None or a positive number")
        _require("decay", self.decay, self.decay >= 0, "0 or a positive number")
        _require("clip", self.clip, self.clip is None or self.clip > 0, "None or a positive number")
        _require("cooled", self.cooled, 0 <= self.cooled <= self.updates, f"0 to {self.updates}")
        able = getattr(self.space, "family", None) == "heat kernel"
        possible = getattr(self.data, "orders", None) is not None and able
        most = self.updates if possible else 0
        needed = ", or data with orders and a latent circle of heat kernels"
        _require("guided", self.guided, 0 <= self.guided <= most, f"0 to {most}" if possible else "0" + needed)

    def seed_of(self, member: Member) -> int:
        """The seed of one member, which does not depend on the company it trains in."""
        return seeds.derive(self.seed, f"{member.dataset:g}", f"{member.sigma_x:g}", member.repetition)

    def loop(self, phases: Tensor) -> Tensor:
        """Noiseless datapoints at phases (radians), ``(batch, D)``, or ``(members, batch, D)`` where members differ."""
        # Asked for of data along closed loops only.
        return self.data.loop(phases, [m.dataset for m in self.members])  # type: ignore[attr-defined]

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        members, batch = len(self.members), self.batch_size or self.data.size
        return f"{type(self.space).__name__}, {members} members, {self.updates:,} updates of {batch}, {self.activation}"

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths of the hidden layers, from the data to the code."""
        return hidden_widths(self.data.dimension, self.layers) if self.width is None else (self.width,) * self.layers

    def rate(self, update: int) -> float:
        """The learning rate of an update."""
        if self.cosine:
            return self.learning_rate * (LEAST + (1 - LEAST) * (1 + math.cos(math.pi * update / self.updates)) / 2)
        return self.learning_rate * (COOLED if update >= self.updates - self.cooled else 1)

    @property
    def work(self) -> float:
        """About how many multiplications and additions an update takes for a datapoint, forwards and backwards."""
        widths = self.hidden
        layers = [(self.data.dimension, widths[0]), *itertools.pairwise(widths), (widths[-1], 2)]
        products = 2 * sum(a * b for a, b in layers)  # encoder and decoder
        # Forwards and backwards three products each; of what is not a product, about ten for every neuron.
        return 3 * products + 30 * (2 * sum(widths) + self.data.dimension)

    @property
    def large(self) -> bool:
        """Whether its products are so large that arithmetic limits them rather than memory."""
        return self.data.dimension * self.hidden[0] > LARGE

    def watched(self, vae: VAE) -> Tensor | None:
        """What is to be seen of it while it trains, ``(members, numbers)``; nothing, unless a kind of run says so."""
        return None

    def model(self) -> VAE:
        """The ensemble with its initial weights. Its σ_X is in units of the numbers that the networks see."""
        sigma_x = [m.sigma_x / self.data.unit for m in self.members]
        member_seeds = [self.seed_of(m) for m in self.members]
        return VAE(self.space, self.data.dimension, self.hidden, sigma_x, member_seeds, self.activation)


def _require(name: str, value: object, condition: bool, choices: str) -> None:
    if not condition:
        raise ValueError(f"{name} is {value!r}; choose {choices}")
