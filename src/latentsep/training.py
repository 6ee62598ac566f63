"""Algorithm 1 of the thesis: stochastic minimisation of the negative ELBO, for a whole ensemble at once."""

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value
from torch.optim.adam import adam

from latentsep import progress, records, seeds
from latentsep.datasets import Benchmark
from latentsep.latent_spaces import Euclidean, LatentSpace
from latentsep.networks import ACTIVATIONS, hidden_widths
from latentsep.vae import VAE

BLOCK = 50  # updates whose random numbers are drawn together, and between which a run can be resumed
CHECKPOINT_SECONDS = 20.0
WORTH_COMPILING = 2_000  # updates; below, compiling takes longer than it saves


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
    L. The optimiser is Adam with β₁ = 0.9, β₂ = 0.999. Raises ``ValueError`` for a value out of range.
    """

    members: tuple[Member, ...]
    data: Benchmark = Benchmark()
    space: LatentSpace = Euclidean(2)
    layers: int = 2
    activation: str = "tanh"
    updates: int = 100_000
    batch_size: int | None = 256
    samples: int = 1
    learning_rate: float = 1e-4
    seed: int = 0

    def __post_init__(self):
        _require("members", self.members, len(self.members) > 0, "at least one Member")
        _require("layers", self.layers, self.layers >= 1, "1 or more")
        _require("activation", self.activation, self.activation in ACTIVATIONS, " | ".join(ACTIVATIONS))
        _require("updates", self.updates, self.updates >= 0, "0 or more")
        _require("batch_size", self.batch_size, self.batch_size is None or self.batch_size >= 1, "None or 1 or more")
        _require("samples", self.samples, self.samples >= 1, "1 or more")
        _require("learning_rate", self.learning_rate, self.learning_rate > 0, "a positive number")

    def seed_of(self, member: Member) -> int:
        """The seed of one member, which does not depend on the company it trains in."""
        return seeds.derive(self.seed, f"{member.dataset:g}", f"{member.sigma_x:g}", member.repetition)

    def model(self) -> VAE:
        """The ensemble with its initial weights."""
        hidden = hidden_widths(self.data.dimension, self.layers)
        sigma_x = [m.sigma_x for m in self.members]
        member_seeds = [self.seed_of(m) for m in self.members]
        return VAE(self.space, self.data.dimension, hidden, sigma_x, member_seeds, self.activation)


def fit(run: Run, checkpoint: Path | None = None, device: str = "auto", compiled: bool | None = None) -> records.Arrays:
    """Carry out Algorithm 1 and return weights and history as arrays.

    With a ``checkpoint`` path the state is saved there every ``CHECKPOINT_SECONDS``, and a run that
    finds its own checkpoint goes on from it to the same result. ``device="auto"`` takes a GPU if
    there is one. ``compiled`` forces or forbids ``torch.compile``; by default long runs use it where
    it works.
    """
    if compiled is None:
        compiled = run.updates >= WORTH_COMPILING and compiler_works()
    trainer = Trainer(run, device, compiled)
    if checkpoint is not None and checkpoint.exists():
        trainer.resume(checkpoint)
    saved = time.monotonic()
    with progress.Bar("updates", run.updates, trainer.done) as bar:
        while trainer.done < run.updates:
            count = min(BLOCK, run.updates - trainer.done)
            trainer.block(count)
            bar.advance(count)
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                trainer.save(checkpoint)
                saved = time.monotonic()
    weights = {name: value.detach().cpu().numpy() for name, value in trainer.vae.state_dict().items()}
    return {**weights, "history": trainer.history_array()}


class Trainer:
    """The state of a run under way: weights, Adam's moments, random streams, history."""

    def __init__(self, run: Run, device: str = "auto", compiled: bool = False):
        self.run, self.done, self.history = run, 0, []
        self.device = choose_device(device)
        self.vae = run.model().to(self.device)
        names = sorted({m.dataset for m in run.members})
        self.data = torch.stack([run.data.sample(name)[0] for name in names]).to(self.device)
        self.which = torch.tensor([names.index(m.dataset) for m in run.members], device=self.device)
        self.whole = self.data[self.which] if run.batch_size is None else None
        self.weights = {name: p.detach() for name, p in self.vae.named_parameters()}
        self.first = [torch.zeros_like(p) for p in self.weights.values()]
        self.second = [torch.zeros_like(p) for p in self.weights.values()]
        self.steps = [torch.zeros((), device=self.device) for _ in self.weights]
        self.streams = [
            seeds.generator(run.seed_of(m), "minibatches and noise", device=self.device) for m in run.members
        ]
        self._update = torch.compile(self.update, dynamic=False) if compiled else self.update

    def block(self, count: int) -> None:
        """Carry out ``count`` updates, at most ``BLOCK``."""
        rows, noise = self.draw()
        total = torch.zeros(len(self.which), device=self.device)
        for i in range(count):
            total += self._update(self.minibatch(rows[i]), noise[i])
        self.history.append((total / count).cpu())
        self.done += count

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw the rows of each member's dataset for ``BLOCK`` updates, and the noise.

        Shapes ``(BLOCK, members, batch)`` and ``(BLOCK, members, L, noise_features, batch)``. Each
        member draws from its own stream, so that its numbers do not depend on the others; and
        always a whole block, so that a short run is the beginning of a long one.
        """
        members, size = len(self.which), self.data.shape[1]
        batch = self.run.batch_size or size
        noise = torch.empty(members, BLOCK, self.run.samples, self.run.space.noise_features, batch, device=self.device)
        rows = torch.arange(size, device=self.device).expand(members, BLOCK, size)
        if self.run.batch_size is not None:
            rows = torch.empty(members, BLOCK, batch, dtype=torch.long, device=self.device)
        for member, stream in enumerate(self.streams):
            noise[member].normal_(generator=stream)
            if self.run.batch_size is not None:
                rows[member].random_(size, generator=stream)
        return rows.transpose(0, 1), noise.transpose(0, 1).contiguous()

    def minibatch(self, rows: Tensor) -> Tensor:
        """The datapoints in the given rows of each member's dataset, shape ``(members, batch, D)``."""
        if self.run.batch_size is None:
            return self.whole
        rows = rows + self.data.shape[1] * self.which[:, None]
        return self.data.flatten(0, 1).index_select(0, rows.flatten()).view(*rows.shape, -1)

    def update(self, x: Tensor, noise: Tensor) -> Tensor:
        """One step of Algorithm 1 for every member; returns each member's mean −ELBO before it, ``(members,)``."""
        noise = noise.permute(1, 0, 3, 2)  # (L, members, batch, features), feature-major in memory

        def loss(weights: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            reconstruction, kl = functional_call(self.vae, weights, (x, noise))
            each = (reconstruction + kl).mean(-1)
            # Members share no weight, so the gradient of the sum is every member's own gradient.
            return each.sum(), each

        gradients, (_, each) = grad_and_value(loss, has_aux=True)(self.weights)
        adam(
            list(self.weights.values()), [gradients[k] for k in self.weights], self.first, self.second, [], self.steps,
            foreach=False, amsgrad=False, beta1=0.9, beta2=0.999, lr=self.run.learning_rate,
            weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
        return each

    def history_array(self) -> np.ndarray:
        return torch.stack(self.history, dim=1).numpy() if self.history else np.zeros((len(self.which), 0), np.float32)

    def _description(self) -> dict:
        return {**records.describe(self.run, fit), "device": self.device.type}

    def save(self, path: Path) -> None:
        """Write all that is needed to go on, atomically."""
        arrays = {"history": self.history_array(), "done": np.array(self.done)}
        for i, stream in enumerate(self.streams):
            arrays[f"stream.{i}"] = stream.get_state().numpy()
        for i, group in enumerate(zip(self.weights.values(), self.first, self.second, self.steps, strict=True)):
            arrays |= {f"{name}.{i}": value.cpu().numpy() for name, value in zip(_STATE, group, strict=True)}
        records.save(path, arrays, self._description())

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; one that is damaged or foreign is reported and ignored."""
        try:
            arrays = records.load(path, self._description())
        except records.DamagedRecord as error:
            progress.say(f"checkpoint {error}; starting from the beginning")
            return
        for i, stream in enumerate(self.streams):
            stream.set_state(torch.from_numpy(arrays[f"stream.{i}"]))
        for i, group in enumerate(zip(self.weights.values(), self.first, self.second, self.steps, strict=True)):
            for name, value in zip(_STATE, group, strict=True):
                value.copy_(torch.from_numpy(arrays[f"{name}.{i}"]))
        self.history = list(torch.from_numpy(arrays["history"]).unbind(1))
        self.done = int(arrays["done"])


_STATE = ("weight", "first", "second", "step")


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


def _require(name: str, value: object, condition: bool, choices: str) -> None:
    if not condition:
        raise ValueError(f"{name} is {value!r}; choose {choices}")
