"""Algorithm 1: what one update is, what a run depends on, and that interrupting it changes nothing."""

import math
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep.data.benchmarks import Benchmark
from latentsep.data.loops import shrink
from latentsep.measures.evaluation import evidence_floor
from latentsep.models.circular import wrap
from latentsep.models.latent_spaces import Circle
from latentsep.models.vae import negative_log_likelihood
from latentsep.training import algorithm
from latentsep.training.algorithm import BLOCK, Trainer, fit
from latentsep.training.devices import choose_device
from latentsep.training.runs import ANNEALED, Member, Run

SMALL = Run(
    members=(Member(0.1, 0.1), Member(1.0, 1.0), Member(0.1, 1.0, 1)),
    data=Benchmark(dimension=6, size=80),
    updates=150,
    batch_size=16,
)
IMAGES = np.random.default_rng(0).random((2, 8, 4, 5)) * np.array([1, 3])[:, None, None, None]
LOOPS = shrink(IMAGES)[0].ordered([[2, 0, 7, 3, 1, 5, 4, 6], range(8)])
#: Both starts at once, guided well into the second block of updates.
STARTED = Run(
    members=(Member(1, 0.1), Member(2, 0.4), Member(1, 0.4, 1)),
    data=LOOPS,
    space=Circle(),
    width=7,
    updates=150,
    batch_size=None,
    learning_rate=1e-2,
    annealing=0.5,
    guided=70,
    cooled=80,
)
SHORT = replace(STARTED, updates=40, guided=20, cooled=20)


def assert_identical(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def assert_close(one: dict[str, np.ndarray], other: dict[str, np.ndarray], atol: float) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=atol, err_msg=name)


def stopped_after(blocks: int, run: Run, path) -> None:
    """Leave the checkpoint of a run that got that far."""
    trainer = Trainer(run, "cpu")
    for _ in range(blocks):
        trainer.block(BLOCK)
    trainer.save(path)


def plain_adam(run: Run, member: int, updates: int) -> tuple[list[torch.Tensor], list[float]]:
    """Algorithm 1 for one member in ordinary PyTorch: autograd, ``torch.optim.Adam``, one sample at a time."""
    draws = Trainer(run, "cpu")
    rows, noise = draws.draw()
    data = run.data.sample(run.members[member].dataset)[0]
    start = {name: p[member].detach().clone() for name, p in run.model().named_parameters()}
    weights = {name: torch.nn.Parameter(p) for name, p in start.items()}
    sigma_x = run.members[member].sigma_x
    optimiser = torch.optim.Adam(weights.values(), lr=run.learning_rate, betas=(0.9, 0.999))

    def dense(name: str, x: torch.Tensor) -> torch.Tensor:
        for layer in range(run.layers + 1):
            x = x @ weights[f"{name}.layers.{layer}.weight"].T + weights[f"{name}.layers.{layer}.bias"][:, 0]
            x = x.tanh() if layer < run.layers else x
        return x

    values = []
    for i in range(updates):
        x = data[rows[i, member]]
        mean, log_variance = dense("encoder", x).chunk(2, dim=-1)
        loss = 0.5 * (log_variance.exp() + mean**2 - log_variance - 1).sum(-1)  # (4.5)
        for epsilon in noise[i, member]:
            z = mean + epsilon.T * (0.5 * log_variance).exp()
            loss = loss + negative_log_likelihood(x, dense("decoder", z), sigma_x) / run.samples
        optimiser.zero_grad()
        loss.mean().backward()
        optimiser.step()
        values.append(float(loss.mean().detach()))
    return list(weights.values()), values


@pytest.mark.parametrize("change", [{}, {"samples": 3}, {"batch_size": None, "updates": 5}, {"learning_rate": 1e-2}])
def test_an_update_is_one_of_adam_on_the_mean_negative_elbo(change, float64):
    run = replace(SMALL, **{"updates": 30, **change})
    trainer = Trainer(run, "cpu")
    trainer.block(run.updates)
    assert trainer.done == run.updates
    for member in range(len(run.members)):
        weights, values = plain_adam(run, member, run.updates)
        for found, expected in zip(trainer.vae.parameters(), weights, strict=True):
            torch.testing.assert_close(found[member], expected.detach(), rtol=0, atol=1e-10)
        assert abs(trainer.history[0][member] - np.mean(values)) < 1e-9


def test_a_full_batch_gradient_is_that_of_the_whole_dataset(float64):
    run = replace(SMALL, batch_size=None)
    trainer = Trainer(run, "cpu")
    rows, noise = trainer.draw()
    assert torch.equal(rows[0], rows[BLOCK - 1])
    model = run.model()
    x = torch.stack([run.data.sample(m.dataset)[0] for m in run.members])
    assert torch.equal(trainer.minibatch(rows[0]), x)
    model.negative_elbo(x, noise[0].permute(1, 0, 3, 2)).mean(-1).sum().backward()
    trainer.update(x, noise[0])
    for first, p in zip(trainer.pieces(trainer.first).values(), model.parameters(), strict=True):
        torch.testing.assert_close(first, 0.1 * p.grad, rtol=0, atol=1e-12)  # Adam's m₁ = (1 − β₁) g₁


def test_minibatches_are_uniform_draws_from_the_members_own_dataset():
    run = replace(SMALL, batch_size=64)
    trainer = Trainer(run, "cpu")
    rows, noise = trainer.draw()
    assert rows.shape == (BLOCK, 3, 64)
    assert noise.shape == (BLOCK, 3, 1, 2, 64)
    for member, m in enumerate(run.members):
        own = rows[:, member]
        counts = torch.bincount(own.flatten(), minlength=run.data.size).double()
        assert len(counts) == run.data.size
        assert int(own.min()) >= 0
        # χ² with 79 degrees of freedom: mean 79, standard deviation √158; within five of them.
        expected = own.numel() / run.data.size
        assert abs(((counts - expected) ** 2 / expected).sum() - 79) < 5 * 158**0.5
        x = trainer.minibatch(rows[0])[member]
        assert torch.equal(x, run.data.sample(m.dataset)[0][own[0]])
    n = noise.numel()
    assert abs(noise.mean()) < 5 / n**0.5
    assert abs(noise.square().mean() - 1) < 5 * (2 / n) ** 0.5
    assert abs((noise[:, 0] * noise[:, 2]).mean()) < 5 / noise[:, 0].numel() ** 0.5


@pytest.mark.parametrize("run", [replace(SMALL, updates=300), SHORT], ids=["plain", "guided and annealed"])
def test_a_member_learns_the_same_alone_as_in_company(run, float64):
    together = fit(run, device="cpu")
    for i, member in enumerate(run.members):
        alone = fit(replace(run, members=(member,)), device="cpu")
        assert_close(alone, {name: value[i : i + 1] for name, value in together.items()}, atol=1e-9)


@pytest.mark.parametrize("run", [SMALL, SHORT], ids=["plain", "guided and annealed"])
def test_the_same_run_twice_is_bit_identical_and_another_seed_is_not(run):
    one, again, other = (fit(r, device="cpu") for r in (run, run, replace(run, seed=1)))
    assert_identical(one, again)
    changed = [name for name in one if not np.array_equal(one[name], other[name])]
    assert set(changed) == set(one) - {"sigma_x"}


def test_training_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    fit(replace(SMALL, updates=10), device="cpu")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("short", [50, 70, 100])
def test_a_short_run_is_the_beginning_of_a_long_one(short):
    long = fit(SMALL, device="cpu")
    found = fit(replace(SMALL, updates=short), device="cpu")
    whole = short // BLOCK
    np.testing.assert_array_equal(found["history"][:, :whole], long["history"][:, :whole])
    trainer = Trainer(SMALL, "cpu")
    rows, noise = trainer.draw()
    for i in range(short):
        if i and i % BLOCK == 0:
            rows, noise = trainer.draw()
        trainer.update(trainer.minibatch(rows[i % BLOCK]), noise[i % BLOCK])
    for name, value in trainer.vae.state_dict().items():
        np.testing.assert_array_equal(found[name], value.numpy())


def test_history_has_the_mean_of_every_block():
    arrays = fit(replace(SMALL, updates=70), device="cpu")
    assert arrays["history"].shape == (3, 2)
    trainer = Trainer(SMALL, "cpu")
    rows, noise = trainer.draw()
    each = [trainer.update(trainer.minibatch(rows[i]), noise[i]) for i in range(BLOCK)]
    np.testing.assert_allclose(arrays["history"][:, 0], torch.stack(each).mean(0), rtol=1e-5)


def test_no_updates_give_the_initial_weights():
    run = replace(SMALL, updates=0)
    arrays = fit(run, device="cpu")
    assert arrays["history"].shape == (3, 0)
    for name, value in run.model().state_dict().items():
        np.testing.assert_array_equal(arrays[name], value.numpy())


def test_training_goes_most_of_the_way_to_the_floor_and_not_below():
    members = tuple(Member(0.1, sigma_x) for sigma_x in (0.3, 1.0))
    run = Run(members, Benchmark(dimension=9, size=1000), updates=500, batch_size=64, learning_rate=1e-2)
    for member, values in zip(members, fit(run, device="cpu")["history"], strict=True):
        floor = evidence_floor(9, member.sigma_x)
        assert values[-1] - floor < 0.5 * (values[0] - floor)
        # Noise in the data only shifts the components of the model density, so the floor holds for
        # noisy data too; a block averages 3200 datapoints, some three nats apart.
        assert values[-1] > floor - 5 * 3 / 3200**0.5


def test_compiled_updates_are_the_eager_ones():
    if not algorithm.compiler_works():
        pytest.skip("torch.compile needs a C++ compiler and Python's headers")
    run = replace(SMALL, updates=60, annealing=0.5)  # σ_X must not be compiled in
    eager, compiled = (fit(run, device="cpu", compiled=c) for c in (False, True))
    # Single precision: a fraction of a percent of the sixty steps of 1e-4 that every weight can take.
    histories = eager.pop("history"), compiled.pop("history")
    assert_close(eager, compiled, atol=1e-5)
    np.testing.assert_allclose(*histories, rtol=1e-5)


@pytest.mark.parametrize(
    ("run", "blocks"),
    [(SMALL, 2), (STARTED, 1), (STARTED, 2), (replace(STARTED, data=replace(LOOPS, noise=0.2), batch_size=5), 1)],
    ids=["plain", "while guided", "after a guided start", "with noise"],
)
def test_resuming_gives_what_an_uninterrupted_run_gives(run, blocks, tmp_path):
    stopped_after(blocks, run, tmp_path / "checkpoint")
    trainer = Trainer(run, "cpu")
    trainer.resume(tmp_path / "checkpoint")
    assert trainer.done == blocks * BLOCK
    assert_identical(fit(run, tmp_path / "checkpoint", "cpu"), fit(run, device="cpu"))


def test_a_finished_checkpoint_is_not_trained_further(tmp_path, monkeypatch):
    stopped_after(3, SMALL, tmp_path / "checkpoint")
    expected = fit(SMALL, device="cpu")
    monkeypatch.setattr(Trainer, "block", None)
    assert_identical(fit(SMALL, tmp_path / "checkpoint", "cpu"), expected)


def test_a_crash_costs_only_what_came_after_the_checkpoint(tmp_path, monkeypatch):
    expected = fit(SMALL, device="cpu")
    whole, starts = Trainer.block, []

    def block(self, count):
        starts.append(self.done)
        if len(starts) == 3:
            raise KeyboardInterrupt
        whole(self, count)

    monkeypatch.setattr(algorithm, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(Trainer, "block", block)
    with pytest.raises(KeyboardInterrupt):
        fit(SMALL, tmp_path / "checkpoint", "cpu")
    assert_identical(fit(SMALL, tmp_path / "checkpoint", "cpu"), expected)
    assert starts == [0, BLOCK, 2 * BLOCK, 2 * BLOCK]


def test_checkpoints_wait_for_their_time(tmp_path, monkeypatch):
    monkeypatch.setattr(algorithm, "CHECKPOINT_SECONDS", float("inf"))
    fit(SMALL, tmp_path / "checkpoint", "cpu")
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_checkpoint_is_reported_and_ignored(damage, tmp_path, said):
    path = tmp_path / "checkpoint"
    stopped_after(2, SMALL, path)
    path.write_bytes(damage(path.read_bytes()))
    assert_identical(fit(SMALL, path, "cpu"), fit(SMALL, device="cpu"))
    (message,) = said()
    assert "checkpoint" in message
    assert "starting from the beginning" in message


def test_the_checkpoint_of_another_run_is_reported_and_ignored(tmp_path, said):
    stopped_after(2, replace(SMALL, seed=1), tmp_path / "checkpoint")
    assert_identical(fit(SMALL, tmp_path / "checkpoint", "cpu"), fit(SMALL, device="cpu"))
    assert "another computation" in said()[0]


KILLED = """
import pickle, sys, time
import torch
from pathlib import Path
from latentsep.training import algorithm
torch.set_num_threads(1)
algorithm.CHECKPOINT_SECONDS = -1
whole = algorithm.Trainer.block
def block(self, count):
    time.sleep(0.1)  # so that the axe falls long before the end
    whole(self, count)
algorithm.Trainer.block = block
algorithm.fit(pickle.loads(bytes.fromhex(sys.argv[1])), Path(sys.argv[2]), "cpu", compiled=False)
"""


def test_a_killed_process_costs_only_what_came_after_the_checkpoint(tmp_path, monkeypatch):
    run, path = replace(SMALL, updates=16 * BLOCK), tmp_path / "checkpoint"
    process = subprocess.Popen([sys.executable, "-c", KILLED, pickle.dumps(run).hex(), str(path)])
    try:
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL  # and not 0: it was at work
    expected, whole, starts = fit(run, device="cpu"), Trainer.block, []

    def block(self, count):
        starts.append(self.done)
        whole(self, count)

    monkeypatch.setattr(Trainer, "block", block)
    assert_identical(fit(run, path, "cpu"), expected)
    assert BLOCK <= starts[0] < run.updates


def test_devices_are_chosen_by_name():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="device is 'abacus'; choose auto, cpu"):
        choose_device("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_not_replaced_in_silence():
    with pytest.raises(ValueError, match="device is 'cuda'"):
        fit(SMALL, device="cuda")


# A guided start


def angles_missed(trainer: Trainer) -> torch.Tensor:
    """How far the encoders are from the given angles, in radians, ``(members, frames)``."""
    run = trainer.run
    x = torch.stack([run.data.sample(m.dataset)[0] for m in run.members])
    angles = torch.stack([run.data.angles(m.dataset) for m in run.members])
    return wrap(run.space.location(trainer.vae.posterior(x)).squeeze(-1) - angles).abs().detach()


@pytest.mark.parametrize("space", [Circle(), Circle("real")])
def test_after_a_guided_start_encoder_and_decoder_know_the_given_angles(space):
    run = replace(STARTED, space=space, updates=400, guided=400, cooled=0, annealing=None, width=16)
    trainer = Trainer(run, "cpu")
    assert angles_missed(trainer).mean() > 0.5
    while trainer.done < run.updates:
        trainer.block(BLOCK)
    assert angles_missed(trainer).max() < 0.15  # of the 0.79 between neighbours
    for i, m in enumerate(run.members):
        x, angles = run.data.sample(m.dataset)[0], run.data.angles(m.dataset)
        decoded = trainer.vae.decode(angles.expand(3, 8)[..., None])[i]
        assert torch.equal(torch.cdist(decoded, x).argmin(-1), torch.arange(8))  # every angle shows its own frame


@pytest.mark.parametrize("data", [LOOPS, replace(LOOPS, noise=0.1, draws=50)], ids=["clean", "noisy"])
def test_the_given_posteriors_touch_and_do_not_overlap(data, float64):
    trainer = Trainer(replace(STARTED, data=data), "cpu")
    given = STARTED.space.posterior(trainer.lessons)
    off = wrap(STARTED.space.location(given).squeeze(-1) - torch.stack([data.angles(1), data.angles(2)]))
    torch.testing.assert_close(off, torch.zeros(2, data.size))
    # One deviation to either side takes each half of the way to its neighbour, of 8.
    torch.testing.assert_close(given.base_dist.scale, torch.full((2, data.size, 1), 2 * math.pi / 8 / 2))


def test_lessons_go_with_their_datapoints():
    # Each with the angle of its own frame, of its own loop; also where frames are drawn at random and noisy.
    for data in (LOOPS, replace(LOOPS, noise=0.01, draws=50)):
        for batch_size in (None, 6):
            trainer = Trainer(replace(STARTED, data=data, batch_size=batch_size), "cpu")
            rows, _ = trainer.draw()
            x, outputs = trainer.minibatch(rows[3]), trainer.minibatch(rows[3], trainer.lessons)
            assert outputs.shape == (3, batch_size or data.size, 3)
            angles = STARTED.space.location(STARTED.space.posterior(outputs)).squeeze(-1)
            for member, m in enumerate(STARTED.members):
                frames = LOOPS.sample(m.dataset)[0]
                nearest = torch.cdist(x[member], frames).argmin(-1)
                assert wrap(angles[member] - LOOPS.angles(m.dataset)[nearest]).abs().max() < 1e-6


@pytest.mark.parametrize("samples", [1, 3])
def test_in_a_guided_update_encoder_and_decoder_learn_apart(samples, float64):
    run = replace(STARTED, samples=samples, annealing=None)
    trainer = Trainer(run, "cpu")
    rows, noise = trainer.draw()
    x, lessons = trainer.minibatch(rows[0]), trainer.minibatch(rows[0], trainer.lessons)
    model, noise = run.model(), noise[0]
    given = run.space.posterior(lessons)
    z = run.space.rsample(given, noise.permute(1, 0, 3, 2))
    loss = negative_log_likelihood(x, model.decode(z), model.sigma_x[:, None]).mean(0)
    loss.mean(-1).sum().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    (model.encoder(x) - lessons).square().sum(-1).mean(-1).sum().backward()
    each = trainer.update(x, noise, lessons)
    torch.testing.assert_close(each, (loss + run.space.kl(given, z)).mean(-1).detach())
    for first, p in zip(trainer.pieces(trainer.first).values(), model.parameters(), strict=True):
        torch.testing.assert_close(first, 0.1 * p.grad, rtol=0, atol=1e-12)  # Adam's m₁ = (1 − β₁) g₁


def recorded(run: Run) -> list[tuple[torch.Tensor | None, list[float]]]:
    """The lesson and the σ_X of every update."""
    trainer, found = Trainer(run, "cpu"), []
    update = trainer._update

    def note(x, noise, outputs):
        found.append((outputs, trainer.vae.sigma_x.tolist()))
        return update(x, noise, outputs)

    trainer._update = note
    while trainer.done < run.updates:
        trainer.block(min(BLOCK, run.updates - trainer.done))
    return found


@pytest.mark.parametrize("guided", [0, 1, 50, 70, 120])
def test_the_first_updates_are_guided_and_no_others(guided):
    lessons = [outputs is not None for outputs, _ in recorded(replace(STARTED, updates=120, guided=guided))]
    assert lessons == [True] * guided + [False] * (120 - guided)


@pytest.mark.parametrize("guided", [0, 30])
@pytest.mark.parametrize("cooled", [0, 1, 60, 120])
def test_the_last_updates_have_a_tenth_of_the_rate(cooled, guided):
    run, rates = replace(STARTED, updates=120, guided=guided, cooled=cooled), []
    trainer = Trainer(run, "cpu")
    trainer._update = lambda *_: rates.append(float(trainer.rate)) or torch.zeros(3)
    while trainer.done < 120:
        trainer.block(min(BLOCK, 120 - trainer.done))
    assert rates == [1e-2] * (120 - cooled) + [1e-3] * cooled


@pytest.mark.parametrize("rate", [1e-2, 1e-3])
@pytest.mark.parametrize("guided", [True, False])
def test_the_first_step_is_as_long_as_the_rate(rate, guided, float64):
    trainer = Trainer(STARTED, "cpu")
    trainer.rate.fill_(rate)
    rows, noise = trainer.draw()
    outputs = trainer.minibatch(rows[0], trainer.lessons) if guided else None
    before = {name: w.clone() for name, w in trainer.pieces(trainer.weights).items()}
    trainer.update(trainer.minibatch(rows[0]), noise[0], outputs)
    # Adam's, wherever the gradient is not tiny.
    changes = [float((w - before[name]).abs().max()) for name, w in trainer.pieces(trainer.weights).items()]
    assert max(changes) == pytest.approx(rate, rel=1e-5)


# An annealed start


@pytest.mark.parametrize("updates", [4, 10, 37, 120])
def test_an_annealed_sigma_x_falls_geometrically_and_ends_at_its_value(updates, float64):
    run = replace(
        STARTED, updates=updates, guided=0, cooled=0, annealing=0.5, members=(*STARTED.members, Member(2, 50.0))
    )
    found = np.array([sigma_x for _, sigma_x in recorded(run)]) * LOOPS.unit
    for column, m in zip(found.T, run.members, strict=True):
        points = LOOPS.points[int(m.dataset) - 1]
        start = max(0.5 * np.sqrt(np.mean(points**2)), m.sigma_x)  # never from below
        assert column[0] == pytest.approx(start, rel=1e-12)
        way = np.minimum(np.arange(updates) / (ANNEALED * updates), 1)
        np.testing.assert_allclose(column, start ** (1 - way) * m.sigma_x**way, rtol=1e-12)
    assert ANNEALED == 0.7
    assert np.unique(found[:, -1]).size == 1


def test_a_trained_ensemble_has_its_own_sigma_x_to_the_bit():
    for run in (SHORT, replace(SHORT, annealing=None), replace(SHORT, updates=0, guided=0, cooled=0)):
        np.testing.assert_array_equal(fit(run, device="cpu")["sigma_x"], run.model().sigma_x)


def test_annealing_changes_what_is_minimised_and_no_random_number():
    plain, annealed = (Trainer(replace(STARTED, guided=0, annealing=a), "cpu") for a in (None, 0.5))
    for one, other in zip(plain.draw(), annealed.draw(), strict=True):
        assert torch.equal(one, other)
    for trainer in (plain, annealed):
        trainer.block(BLOCK)
    # A tenth of the data's scale is a much harsher measure of the first reconstructions than half of it.
    assert (plain.history[0] > 2 * annealed.history[0])[0]


@pytest.mark.parametrize("updates", [1, 2, 3])
def test_a_trained_ensemble_has_its_own_sigma_x_after_very_few_updates(updates):
    run = replace(STARTED, updates=updates, guided=0, cooled=0)
    np.testing.assert_array_equal(fit(run, device="cpu")["sigma_x"], run.model().sigma_x)
