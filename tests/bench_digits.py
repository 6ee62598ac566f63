"""What one update of thirty autoencoders of digits costs (Foundations): the ensemble, and one after another."""

import math
import time

import torch
from torch import nn

from latentsep.data import handwriting
from latentsep.training import autoencoding
from latentsep.training.algorithm import BLOCK, Trainer


class Plain:
    """An ordinary module and optimiser for one variational autoencoder, as one would write it first."""

    def __init__(self, x: torch.Tensor, length: int, width: int, batch: int):
        self.x, self.batch, dimension = x, batch, x.shape[1]
        self.encoder = nn.Sequential(nn.Linear(dimension, width), nn.ReLU(), nn.Linear(width, 2 * length))
        self.decoder = nn.Sequential(nn.Linear(length, width), nn.ReLU(), nn.Linear(width, dimension))
        self.optimiser = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], lr=2e-3)

    def update(self) -> None:
        x = self.x[torch.randint(len(self.x), (self.batch,))]
        mean, log_variance = self.encoder(x).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        kl = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1)
        loss = ((x - self.decoder(z)).square().sum(-1) + kl).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()


def per_update(action, updates: int, rounds: int = 4) -> float:
    """Seconds of one update: the best of some rounds, after one that does not count."""
    action()
    best = math.inf
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        best = min(best, (time.perf_counter() - started) / updates)
    return best


def compare_digits() -> None:
    """One update of all members, all threads for either way."""
    run = autoencoding.kinds(handwriting.load()[0], "book")[autoencoding.PARTS.index(("variational", "calibrated"))]
    x, width, batch = run.data.sample(1)[0], run.hidden[0], run.batch_size or run.data.size
    singles = [Plain(x, member.length, width, batch) for member in run.members]
    times = {"one after another": per_update(lambda: [s.update() for s in singles for _ in range(BLOCK)], BLOCK, 2)}
    for name, compiled in (("ours, not compiled", False), ("ours", True)):
        trainer = Trainer(run, "cpu", compiled)
        times[name] = per_update(lambda trainer=trainer: trainer.block(BLOCK), BLOCK)
    print(f"Digits: one update of all {len(run.members)} autoencoders, minibatch {batch}:")
    for name, seconds in times.items():
        print(f"  {name:20} {1e3 * seconds:8.2f} ms  {seconds / times['ours']:31.2f} times ours")


if __name__ == "__main__":
    compare_digits()
