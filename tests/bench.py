"""``make bench``: what one update of all 45 members of Table 5.1 costs, as ratios within one run.

Four ways to the same update, measured in turn, several rounds, best of each:

ours   the ensemble as ``ensembles.train`` trains it: compiled, one process per core;
(a)    one member after another in plain PyTorch, as one would write it first;
(b)    JAX: jit of a scan over updates of a vmap over members, on all cores;
(c)    the arithmetic alone, at the rate of one large matrix product on all cores.

All draw their own minibatches and noise. Ratios, not seconds, are the result: machines differ.
"""

import math
import multiprocessing
import time
from collections.abc import Callable

import torch
from torch import nn

from latentsep import ensembles, experiments
from latentsep.training import BLOCK, Run, Trainer

RUN = experiments.benchmark_table("book")
ROUNDS, BLOCKS = 4, 8


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def shard_worker(part: Run, threads: int, pipe) -> None:
    """Train a shard's blocks each time it is told to, so that all shards run side by side."""
    torch.set_num_threads(threads)
    trainer = Trainer(part, "cpu", compiled=True)
    trainer.block(BLOCK)
    pipe.send("ready")
    while pipe.recv():
        for _ in range(BLOCKS):
            trainer.block(BLOCK)
        pipe.send("done")


class Ours:
    """The ensemble in shards, as in ``ensembles``."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        parts = ensembles.shards(RUN)
        self.pipes = []
        for part in parts:
            mine, theirs = context.Pipe()
            threads = max(1, torch.get_num_threads() // len(parts))
            context.Process(target=shard_worker, args=(part, threads, theirs), daemon=True).start()
            self.pipes.append(mine)
        self._answers()

    def _answers(self) -> None:
        for pipe in self.pipes:
            pipe.recv()

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send(False)

    def __call__(self) -> float:
        for pipe in self.pipes:
            pipe.send(True)
        return timed(self._answers) / (BLOCK * BLOCKS)


class Loop:
    """(a): an ordinary module and optimiser for one member; the time of all is 45 times its own."""

    def __init__(self):
        dimension, width = RUN.data.dimension, RUN.model().encoder.widths[1]
        self.x = RUN.data.sample(0.1)[0]
        self.encoder = nn.Sequential(
            nn.Linear(dimension, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 4)
        )
        self.decoder = nn.Sequential(
            nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, dimension)
        )
        self.optimiser = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], lr=1e-4)

    def update(self) -> None:
        x = self.x[torch.randint(len(self.x), (RUN.batch_size,))]
        mean, log_variance = self.encoder(x).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        error = (x - self.decoder(z)).square().sum(-1)
        kl = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(-1)
        loss = (0.5 * error / 0.1**2 + 12.5 * math.log(2 * math.pi * 0.1**2) + kl).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def __call__(self) -> float:
        return timed(lambda: [self.update() for _ in range(200)]) / 200 * len(RUN.members)


class Jax:
    """(b): the same update, compiled by XLA."""

    def __init__(self):
        import jax
        import jax.numpy as jnp

        self.jax = jax
        names = sorted({m.dataset for m in RUN.members})
        data = jnp.stack([jnp.asarray(RUN.data.sample(name)[0].numpy()) for name in names])
        which = jnp.array([names.index(m.dataset) for m in RUN.members])
        sigma = jnp.array([m.sigma_x for m in RUN.members])
        model = RUN.model()
        weights = [
            (jnp.asarray(layer.weight.detach().numpy()), jnp.asarray(layer.bias.detach().numpy())[..., 0])
            for layer in [*model.encoder.layers, *model.decoder.layers]
        ]

        def dense(layers, a):
            for weight, bias in layers[:-1]:
                a = jnp.tanh(a @ weight.T + bias)
            return a @ layers[-1][0].T + layers[-1][1]

        def loss(w, x, noise, s):
            mean, log_variance = jnp.split(dense(w[:3], x), 2, -1)
            error = ((x - dense(w[3:], mean + noise * jnp.exp(0.5 * log_variance))) ** 2).sum(-1)
            kl = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1)
            return (0.5 * error / s**2 + 12.5 * jnp.log(2 * math.pi * s**2) + kl).mean()

        def member(w, first, second, step, key, dataset, s):
            k_rows, k_noise = jax.random.split(key)
            rows = jax.random.randint(k_rows, (RUN.batch_size,), 0, RUN.data.size)
            gradient = jax.grad(loss)(w, data[dataset, rows], jax.random.normal(k_noise, (RUN.batch_size, 2)), s)
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)

            def moved(p, m, v):
                return p - 1e-4 * (m / (1 - 0.9**step)) / (jnp.sqrt(v / (1 - 0.999**step)) + 1e-8)

            return jax.tree.map(moved, w, first, second), first, second

        @jax.jit
        def block(state):
            def update(carry, _):
                w, first, second, step, keys = carry
                keys, used = jnp.moveaxis(jax.vmap(jax.random.split)(keys), 1, 0)
                step = step + 1
                changed = jax.vmap(member, (0, 0, 0, None, 0, 0, 0))(w, first, second, step, used, which, sigma)
                return (*changed, step, keys), None

            return jax.lax.scan(update, state, length=BLOCK * BLOCKS)[0]

        zeros = jax.tree.map(jnp.zeros_like, weights)
        self.block = block
        self.state = (weights, zeros, zeros, 0.0, jax.random.split(jax.random.key(0), len(RUN.members)))
        self()

    def __call__(self) -> float:
        def advance():
            self.state = self.jax.block_until_ready(self.block(self.state))

        return timed(advance) / (BLOCK * BLOCKS)


class Arithmetic:
    """(c): multiplications and additions of one update, over the rate of a large matrix product."""

    def __init__(self):
        self.a = torch.randn(2048, 2048)
        model = RUN.model()
        forward = sum(layer.weight[0].numel() for layer in [*model.encoder.layers, *model.decoder.layers])
        # Backward, every product is taken twice more, but for the gradient of the data itself.
        products = 3 * forward - model.encoder.layers[0].weight[0].numel()
        self.operations = 2 * products * RUN.batch_size * len(RUN.members)

    def __call__(self) -> float:
        return timed(lambda: self.a @ self.a) / (2 * 2048**3) * self.operations


def main() -> None:
    ways = {"ours": Ours(), "(a) plain PyTorch": Loop(), "(b) JAX": Jax(), "(c) arithmetic": Arithmetic()}
    best = dict.fromkeys(ways, math.inf)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            best[name] = min(best[name], way())
    ways["ours"].close()
    print(
        f"one update of all {len(RUN.members)} members, minibatch {RUN.batch_size}, {torch.get_num_threads()} threads:"
    )
    for name, seconds in best.items():
        ratio = seconds / best["ours"]
        print(f"  {name:20} {1e3 * seconds:8.2f} ms  {1 / seconds:8.0f} updates/s  {ratio:6.2f} times ours")


if __name__ == "__main__":
    main()
