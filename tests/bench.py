"""``make bench``: what one update of all 45 members of a table costs, as ratios within one run.

Four ways to the same update of Table 5.1, and three to that of Table 7.1 with the heat kernel,
measured in turn, several rounds, best of each:

ours   the ensemble as ``ensembles.train`` trains it: compiled, one process per core;
(a)    one member after another in plain PyTorch, as one would write it first (Table 5.1 only);
(b)    JAX: jit of a scan over updates of a vmap over members, on all cores;
(c)    the arithmetic alone, at the rate of one large matrix product on all cores.

Then Algorithm 2 for the maps of Table 9.2, all at once and one after another; the plan of a dozen short trainings on
one core and on all, with the share that compiling takes; autoencoders of digits together and one after another; and a
build that finds all records, stage by stage.

All draw their own minibatches and noise. Ratios, not seconds, are the result: machines differ.
"""

import itertools
import math
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from bench_digits import compare_digits
from joblib.externals.loky import get_reusable_executor
from kills import Copy
from torch import nn

from latentsep.models.latent_spaces import Circle, Euclidean
from latentsep.reductions import pairing, reduction
from latentsep.reductions.generative import Known
from latentsep.runtime import executors, pool
from latentsep.training import ensembles, experiments, protocols
from latentsep.training.algorithm import BLOCK, Trainer
from latentsep.training.runs import Run

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
    """The ensemble in as many shards as there are cores."""

    def __init__(self, run: Run):
        context = multiprocessing.get_context("spawn")
        cuts = [round(i * len(run.members) / executors.cores()) for i in range(executors.cores() + 1)]
        parts = [replace(run, members=run.members[a:b]) for a, b in itertools.pairwise(cuts)]
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


def jax_normal(raw, noise):
    """Posteriors in the plane: what the decoder sees, and the KL regularisation."""
    import jax.numpy as jnp

    mean, log_variance = jnp.split(raw, 2, -1)
    kl = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1)
    return mean + noise * jnp.exp(0.5 * log_variance), kl


def jax_heat_kernel(raw, noise):
    """The same on the circle: a projected head, heat kernels, and their exact KL in single precision."""
    import jax.numpy as jnp

    time = jnp.exp(raw[..., 2])
    angle = jnp.arctan2(raw[..., 1], raw[..., 0]) + noise[..., 0] * jnp.sqrt(2 * time)
    t = jnp.maximum(time, 0.13)
    q = jnp.exp(-2 * t)
    power, triangular, series = 1.0, 1.0, 0.0
    for k in range(1, 13):
        power = power * q
        triangular = triangular * power
        series = series + (-1) ** (k + 1) / k * triangular / (1 - power)
    late = jnp.log1p(-q - q**2 + q**5 + q**7 - q**12 - q**15)
    e = jnp.minimum(t, 1.0)
    mirrored = jnp.log1p(-jnp.exp(-2 * math.pi**2 / e))
    early = e / 12 - 0.5 * jnp.log(e / math.pi) - math.pi**2 / (12 * e) + mirrored
    wide = jnp.where(t < 1, early, late) + 2 * series
    kl = jnp.where(time < 0.13, 0.5 * (math.log(math.pi) - jnp.log(time) - 1), wide)
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1), kl


class Jax:
    """(b): the same update, compiled by XLA."""

    def __init__(self, run: Run, latent: Callable):
        import jax
        import jax.numpy as jnp

        self.jax = jax
        names = sorted({m.dataset for m in run.members})
        data = jnp.stack([jnp.asarray(run.data.sample(name)[0].numpy()) for name in names])
        which = jnp.array([names.index(m.dataset) for m in run.members])
        sigma = jnp.array([m.sigma_x for m in run.members])
        model = run.model()
        weights = [
            (jnp.asarray(layer.weight.detach().numpy()), jnp.asarray(layer.bias.detach().numpy())[..., 0])
            for layer in [*model.encoder.layers, *model.decoder.layers]
        ]

        def dense(layers, a):
            for weight, bias in layers[:-1]:
                a = jnp.tanh(a @ weight.T + bias)
            return a @ layers[-1][0].T + layers[-1][1]

        def loss(w, x, noise, s):
            z, kl = latent(dense(w[:3], x), noise)
            error = ((x - dense(w[3:], z)) ** 2).sum(-1)
            return (0.5 * error / s**2 + 12.5 * jnp.log(2 * math.pi * s**2) + kl).mean()

        def member(w, first, second, step, key, dataset, s):
            k_rows, k_noise = jax.random.split(key)
            rows = jax.random.randint(k_rows, (run.batch_size,), 0, run.data.size)
            noise = jax.random.normal(k_noise, (run.batch_size, run.space.noise_features))
            gradient = jax.grad(loss)(w, data[dataset, rows], noise, s)
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
        self.state = (weights, zeros, zeros, 0.0, jax.random.split(jax.random.key(0), len(run.members)))
        self()

    def __call__(self) -> float:
        def advance():
            self.state = self.jax.block_until_ready(self.block(self.state))

        return timed(advance) / (BLOCK * BLOCKS)


class Arithmetic:
    """(c): multiplications and additions of one update, over the rate of a large matrix product."""

    def __init__(self, run: Run):
        self.a = torch.randn(2048, 2048)
        model = run.model()
        forward = sum(layer.weight[0].numel() for layer in [*model.encoder.layers, *model.decoder.layers])
        # Backward, every product is taken twice more, but for the gradient of the data itself.
        products = 3 * forward - model.encoder.layers[0].weight[0].numel()
        self.operations = 2 * products * run.batch_size * len(run.members)

    def __call__(self) -> float:
        return timed(lambda: self.a @ self.a) / (2 * 2048**3) * self.operations


def compare(title: str, ways: dict[str, Callable[[], float]]) -> None:
    best = dict.fromkeys(ways, math.inf)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            best[name] = min(best[name], way())
    ways["ours"].close()
    members, threads = len(RUN.members), torch.get_num_threads()
    print(f"{title}: one update of all {members} members, minibatch {RUN.batch_size}, {threads} threads:")
    for name, seconds in best.items():
        ratio = seconds / best["ours"]
        print(f"  {name:20} {1e3 * seconds:8.2f} ms  {1 / seconds:8.0f} updates/s  {ratio:6.2f} times ours")


def compare_maps(repetitions: int = 3, updates: int = 60) -> None:
    """Six pairs of models, five autoencoders, three repetitions: together, and every map by itself."""
    protocol = {**protocols.REDUCTORS["book"], "updates": updates}

    def maps(count: int, repetitions: int) -> float:
        runs = [replace(RUN, members=RUN.members[:count], space=space) for space in (Euclidean(2), Circle())]
        plane, circle = (run.model().requires_grad_(False) for run in runs)
        models = {"R²": plane, "S¹": circle, "Φ": Known.benchmark(RUN.data, 0.1, count)}
        pairs = pairing.between(models)
        if count == repetitions == 1:
            return timed(lambda: [reduction.train({key: pair}, 1, **protocol) for key, pair in pairs.items()])
        return timed(lambda: reduction.train(pairs, repetitions, **protocol))

    autoencoders = 5
    together = min(maps(autoencoders, repetitions) for _ in range(ROUNDS)) / updates
    alone = min(maps(1, 1) for _ in range(ROUNDS)) / updates * autoencoders * repetitions
    print(f"Table 9.2: one update of all {6 * autoencoders * repetitions} maps, {protocol['samples']} samples:")
    print(f"  {'ours':20} {1e3 * together:8.2f} ms")
    print(f"  {'one after another':20} {1e3 * alone:8.2f} ms  {alone / together:31.2f} times ours")


def compare_plans(updates: int = 2_000) -> None:
    """The trainings of chapter 7's ablation, shorter, through the pool: one worker, then one for each core."""
    runs = experiments.ablation("book", repetitions=2, updates=updates).values()
    print(f"The plan of {len(runs)} trainings of {updates:,} updates, each compiled:")
    for workers in sorted({1, executors.cores()}):
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"LATENTSEP_RECORDS": folder, "TORCHINDUCTOR_CACHE_DIR": f"{folder}/compiled"}
            get_reusable_executor().shutdown(wait=True)  # workers of its own, which compile everything anew
            jobs = [ensembles.job(run, "cpu") for run in runs]
            wall = timed(lambda jobs=jobs, workers=workers: pool.carry_out(jobs, workers))
            costs = [job.cost for job in jobs]
            work, compiling = sum(c.seconds for c in costs), sum(c.compiling for c in costs)
        print(
            f"  {workers} workers: wall {wall:6.1f} s, sum of the runs {work:6.1f} s, parallel efficiency"
            f" {work / workers / wall:4.2f}, compiling {100 * compiling / work:.0f} % of the work"
        )


def warm_build() -> None:
    """A build in the smoke profile with all records at hand and no executed chapter, and one with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for title in ("from nothing", "with all records", "nothing changed"):
            if title == "with all records":
                shutil.rmtree(copy.tree / "_build")
            command = [sys.executable, "-m", "latentsep", "build", "--profile", "smoke"]
            where = {"cwd": copy.tree, "env": copy.environment}
            done = subprocess.run(command, **where, capture_output=True, text=True, check=True)
            (line,) = [line for line in done.stdout.splitlines() if line.startswith("time ")]
            print(f"  smoke build, {title:18} {line.removeprefix('time').strip()}")


def main() -> None:
    for title, space, latent in (
        ("Table 5.1", Euclidean(2), jax_normal),
        ("Table 7.1, corrected", Circle(), jax_heat_kernel),
    ):
        run = replace(RUN, space=space)
        ways = {"ours": Ours(run), "(b) JAX": Jax(run, latent), "(c) arithmetic": Arithmetic(run)}
        compare(title, ways | ({"(a) plain PyTorch": Loop()} if run == RUN else {}))
    compare_maps()
    compare_plans()
    compare_digits()
    warm_build()


if __name__ == "__main__":
    main()
