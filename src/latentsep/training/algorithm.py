"""Algorithm 1 of the thesis: stochastic minimisation of the negative ELBO, for a whole ensemble at once."""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from latentsep.data import seeds
from latentsep.runtime import costs, progress, records
from latentsep.training.devices import choose_device, compiler_works
from latentsep.training.runs import ANNEALED, Run

BLOCK = 50  # updates whose random numbers are drawn together, and between which a run can be resumed
CHECKPOINT_SECONDS = 20.0
WORTH_COMPILING = 2_000  # updates; below, compiling takes longer than it saves


def fit(run: Run, checkpoint: Path | None = None, device: str = "auto", compiled: bool | None = None) -> records.Arrays:
    """Carry out Algorithm 1 and return weights and history as arrays.

    With a ``checkpoint`` path the state is saved there every ``CHECKPOINT_SECONDS``, and a run that
    finds its own checkpoint goes on from it to the same result. ``device="auto"`` takes a GPU if
    there is one. ``compiled`` forces or forbids ``torch.compile``; by default long runs use it where
    it works.
    """
    if compiled is None:
        compiled = run.compiles and run.updates >= WORTH_COMPILING and compiler_works()
    trainer = Trainer(run, device, compiled)
    if checkpoint is not None and checkpoint.exists():
        trainer.resume(checkpoint)
    pace = _Pace(trainer.done)
    saved = time.monotonic()
    with progress.Bar("updates", run.updates, trainer.done) as bar:
        while trainer.done < run.updates:
            count = min(BLOCK, run.updates - trainer.done)
            trainer.block(count)
            bar.advance(count)
            pace.block(trainer.done)
            if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
                trainer.save(checkpoint)
                saved = time.monotonic()
    pace.note()
    weights = {name: value.detach().cpu().numpy() for name, value in trainer.vae.state_dict().items()}
    # Of very few updates not even the last one is past the annealing.
    curves = {"history": trainer.history_array()}
    if trainer.watched:
        curves["watched"] = trainer.watched_array()
    return {**weights, "sigma_x": trainer.sigma_x.cpu().numpy(), **curves}


class _Pace:
    """What compiling took, which is part of the first block of updates, and the pace of the others."""

    def __init__(self, done: int):
        self.marks = [(done, time.perf_counter())]

    def block(self, done: int) -> None:
        """Mark the end of a block: the first one's stays, that of the last takes the place of the one before."""
        self.marks = [*self.marks[:2], (done, time.perf_counter())]

    def note(self) -> None:
        """Add both to the cost of the run, if there was more than one block."""
        if len(self.marks) == 3:
            (before, begun), (first, compiled), (last, ended) = self.marks
            rate = (last - first) / (ended - compiled)
            compiling = compiled - begun - (first - before) / rate
            costs.note(rate=round(rate, 3), compiling=round(max(0.0, compiling), 3))


class Trainer:
    """The state of a run under way: weights, Adam's moments, random streams, history."""

    history: list[Tensor]
    watched: list[Tensor]

    def __init__(self, run: Run, device: str = "auto", compiled: bool = False):
        self.run, self.done, self.history, self.watched = run, 0, [], []
        self.device = choose_device(device)
        self.vae = run.model().to(self.device)
        names = sorted({m.dataset for m in run.members})
        self.data = torch.stack([run.data.sample(name)[0] for name in names]).to(self.device)
        self.which = torch.tensor([names.index(m.dataset) for m in run.members], device=self.device)
        self.lessons = None
        if run.guided:
            # ``Run`` has it that only loops on a circle are guided: these have angles, frames and outputs.
            angles = torch.stack([run.data.angles(name) for name in names]).to(self.device)  # type: ignore[attr-defined]
            # Half the distance between neighbours: posteriors that touch but do not overlap.
            self.lessons = run.space.outputs(angles[..., None], math.pi / run.data.frames)  # type: ignore[attr-defined]
        self.whole = self.data[self.which] if run.batch_size is None else None
        self.sigma_x = self.vae.sigma_x.clone()
        # All weights of a member are one row, of which the networks see pieces: one update of one tensor is compiled
        # in half the time of a dozen.
        self.shapes = {name: p.shape[1:] for name, p in self.vae.named_parameters()}
        self.weights = torch.cat([p.detach().flatten(1) for p in self.vae.parameters()], 1)
        for p, piece in zip(self.vae.parameters(), self.pieces(self.weights).values(), strict=True):
            p.data = piece
        self.first, self.second = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        # A tensor, so that a compiled update does not depend on its value.
        self.rate = torch.tensor(run.learning_rate, dtype=torch.float64, device=self.device)
        self.step = torch.zeros((), device=self.device)
        self.streams = [
            seeds.generator(run.seed_of(m), "minibatches and noise", device=self.device) for m in run.members
        ]
        self._update = torch.compile(self.update, dynamic=False) if compiled else self.update

    def pieces(self, weights: Tensor) -> dict[str, Tensor]:
        """The weights ``(members, P)`` of the networks by name, each ``(members, *shape)``."""
        rows = weights.split([math.prod(shape) for shape in self.shapes.values()], 1)
        return {name: row.unflatten(1, shape) for (name, shape), row in zip(self.shapes.items(), rows, strict=True)}

    def block(self, count: int) -> None:
        """Carry out ``count`` updates, at most ``BLOCK``."""
        rows, noise = self.draw()
        total = torch.zeros(len(self.which), device=self.device)
        for i in range(count):
            self.set_pace(self.done + i)
            guided = self.done + i < self.run.guided
            outputs = self.minibatch(rows[i], self.lessons) if guided else None
            total += self._update(self.minibatch(rows[i]), noise[i], outputs)
        self.history.append((total / count).cpu())
        if (seen := self.run.watched(self.vae)) is not None:
            self.watched.append(seen.cpu())
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

    def set_pace(self, update: int) -> None:
        """Set the learning rate of an update, and its σ_X where that falls from a start to its end."""
        self.rate.fill_(self.run.rate(update))
        if self.run.annealing is None:
            return
        rms = self.data.square().mean((-2, -1)).sqrt()[self.which]
        start = torch.maximum(self.run.annealing * rms, self.sigma_x)
        left = max(0.0, 1 - update / (ANNEALED * self.run.updates))
        self.vae.sigma_x.copy_(self.sigma_x * (start / self.sigma_x) ** left)

    def minibatch(self, rows: Tensor, values: Tensor | None = None) -> Tensor:
        """The datapoints in the given rows of each member's dataset, shape ``(members, batch, D)``.

        Or the same rows of other ``values``, ``(datasets, size, features)``.
        """
        if self.run.batch_size is None:
            return self.whole if values is None else values[self.which]  # type: ignore[return-value]  # not None here
        values = self.data if values is None else values
        rows = rows + values.shape[1] * self.which[:, None]
        return values.flatten(0, 1).index_select(0, rows.flatten()).view(*rows.shape, -1)

    def update(self, x: Tensor, noise: Tensor, outputs: Tensor | None = None) -> Tensor:
        """One step of Algorithm 1 for every member; returns each member's mean −ELBO before it, ``(members,)``.

        With ``outputs`` the step is one of the guided start: the posterior is the one of these encoder
        outputs, and the encoder comes nearer to them.
        """
        noise = noise.permute(1, 0, 3, 2)  # (L, members, batch, features), feature-major in memory

        def loss(row: Tensor) -> tuple[Tensor, Tensor]:
            weights = self.pieces(row)
            reconstruction, kl = functional_call(self.vae, weights, (x, noise, outputs))
            each = (reconstruction + kl).mean(-1)
            # Members share no weight, so the gradient of the sum is every member's own gradient.
            if outputs is None:
                return each.sum(), each
            # Neither do encoder and decoder, which learn independently here.
            encoder = {n.removeprefix("encoder."): w for n, w in weights.items() if n.startswith("encoder.")}
            missed = functional_call(self.vae.encoder, encoder, (x,)) - outputs
            return each.sum() + missed.square().sum(-1).mean(-1).sum(), each

        gradient, (_, each) = grad_and_value(loss, has_aux=True)(self.weights)
        if self.run.clip is not None:  # each member's own, as if it were alone
            length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient = gradient * (self.run.clip / (length + 1e-6)).clamp(max=1)
        step = adamw if self.run.decay else adam
        step(
            [self.weights], [gradient], [self.first], [self.second], [], [self.step],
            foreach=False, amsgrad=False, beta1=0.9, beta2=0.999, lr=self.rate,
            weight_decay=self.run.decay, eps=1e-8, maximize=False,
        )  # fmt: skip
        return each

    def history_array(self) -> np.ndarray:
        return torch.stack(self.history, dim=1).numpy() if self.history else np.zeros((len(self.which), 0), np.float32)

    def watched_array(self) -> np.ndarray:
        """What was watched, ``(members, blocks, numbers)``."""
        return torch.stack(self.watched, dim=1).numpy()

    def _description(self) -> dict:
        return {**records.describe(self.run, fit), "device": self.device.type}

    def save(self, path: Path) -> None:
        """Write all that is needed to go on, atomically."""
        arrays = {"history": self.history_array(), "done": np.array(self.done)}
        if self.watched:
            arrays["watched"] = self.watched_array()
        for i, stream in enumerate(self.streams):
            arrays[f"stream.{i}"] = stream.get_state().numpy()
        arrays |= {name: getattr(self, name).cpu().numpy() for name in _STATE}
        records.save(path, arrays, self._description())

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; one that is damaged or foreign is reported and ignored."""
        try:
            arrays = records.load(path, self._description())
        except FileNotFoundError:
            return  # a process beside this one has finished the same run
        except records.DamagedRecord as error:
            progress.say(f"checkpoint {error}; starting from the beginning")
            return
        for i, stream in enumerate(self.streams):
            stream.set_state(torch.from_numpy(arrays[f"stream.{i}"]))
        for name in _STATE:
            getattr(self, name).copy_(torch.from_numpy(arrays[name]))
        self.history = list(torch.from_numpy(arrays["history"]).unbind(1))
        if "watched" in arrays:
            self.watched = list(torch.from_numpy(arrays["watched"]).unbind(1))
        self.done = int(arrays["done"])


_STATE = ("weights", "first", "second", "step")
