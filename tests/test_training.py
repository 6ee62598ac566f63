"""Algorithm 1: what one update is, what a run depends on, and that interrupting it changes nothing."""

import pickle
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep import training
from latentsep.datasets import Benchmark
from latentsep.evaluation import evidence_floor
from latentsep.latent_spaces import Euclidean
from latentsep.training import BLOCK, Member, Run, Trainer, choose_device, fit
from latentsep.vae import negative_log_likelihood

SMALL = Run(
    members=(Member(0.1, 0.1), Member(1.0, 1.0), Member(0.1, 1.0, 1)),
    data=Benchmark(dimension=6, size=80),
    updates=150,
    batch_size=16,
)


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
        for found, expected in zip(trainer.weights.values(), weights, strict=True):
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
    for first, p in zip(trainer.first, model.parameters(), strict=True):
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


def test_a_member_learns_the_same_alone_as_in_company(float64):
    run = replace(SMALL, updates=300)
    together = fit(run, device="cpu")
    for i, member in enumerate(run.members):
        alone = fit(replace(run, members=(member,)), device="cpu")
        assert_close(alone, {name: value[i : i + 1] for name, value in together.items()}, atol=1e-9)


def test_the_same_run_twice_is_bit_identical_and_another_seed_is_not():
    one, again, other = (fit(run, device="cpu") for run in (SMALL, SMALL, replace(SMALL, seed=1)))
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
    if not training.compiler_works():
        pytest.skip("torch.compile needs a C++ compiler and Python's headers")
    run = replace(SMALL, updates=60)
    eager, compiled = (fit(run, device="cpu", compiled=c) for c in (False, True))
    # Single precision: a fraction of a percent of the sixty steps of 1e-4 that every weight can take.
    histories = eager.pop("history"), compiled.pop("history")
    assert_close(eager, compiled, atol=1e-5)
    np.testing.assert_allclose(*histories, rtol=1e-5)


def test_resuming_gives_what_an_uninterrupted_run_gives(tmp_path):
    stopped_after(2, SMALL, tmp_path / "checkpoint")
    trainer = Trainer(SMALL, "cpu")
    trainer.resume(tmp_path / "checkpoint")
    assert trainer.done == 2 * BLOCK
    assert_identical(fit(SMALL, tmp_path / "checkpoint", "cpu"), fit(SMALL, device="cpu"))


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

    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1)
    monkeypatch.setattr(Trainer, "block", block)
    with pytest.raises(KeyboardInterrupt):
        fit(SMALL, tmp_path / "checkpoint", "cpu")
    assert_identical(fit(SMALL, tmp_path / "checkpoint", "cpu"), expected)
    assert starts == [0, BLOCK, 2 * BLOCK, 2 * BLOCK]


def test_checkpoints_wait_for_their_time(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", float("inf"))
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
from latentsep import training
torch.set_num_threads(1)
training.CHECKPOINT_SECONDS = -1
whole = training.Trainer.block
def block(self, count):
    time.sleep(0.1)  # so that the axe falls long before the end
    whole(self, count)
training.Trainer.block = block
training.fit(pickle.loads(bytes.fromhex(sys.argv[1])), Path(sys.argv[2]), "cpu", compiled=False)
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


@pytest.mark.parametrize(
    ("name", "value", "choices"),
    [
        ("members", (), "at least one Member"),
        ("layers", 0, "1 or more"),
        ("activation", "sine", "tanh | relu | softplus"),
        ("updates", -1, "0 or more"),
        ("batch_size", 0, "None or 1 or more"),
        ("samples", 0, "1 or more"),
        ("learning_rate", 0.0, "a positive number"),
        ("learning_rate", float("nan"), "a positive number"),
    ],
)
def test_a_run_out_of_range_is_refused_by_name_value_and_choices(name, value, choices):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{name} is {value!r}; choose {choices}')}$"):
        replace(SMALL, **{name: value})


def test_devices_are_chosen_by_name():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="device is 'abacus'; choose auto, cpu"):
        choose_device("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_not_replaced_in_silence():
    with pytest.raises(ValueError, match="device is 'cuda'"):
        fit(SMALL, device="cuda")


def test_member_seeds_depend_on_every_field_and_on_nothing_else():
    member = Member(0.1, 1.0, 0)
    others = [Member(1.0, 0.1, 0), Member(0.1, 0.1, 0), Member(0.1, 1.0, 1), Member(1.0, 1.0, 0)]
    found = {SMALL.seed_of(m) for m in [member, *others]} | {replace(SMALL, seed=1).seed_of(member)}
    assert len(found) == 6
    assert replace(SMALL, members=(member,), space=Euclidean(3), updates=1).seed_of(member) == SMALL.seed_of(member)
