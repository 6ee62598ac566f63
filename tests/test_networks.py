"""Dense networks for an ensemble: every member is an ordinary network, and knows nothing of the others."""

import math

import pytest
import torch
from torch import nn

from latentsep.data import seeds
from latentsep.models.networks import ACTIVATIONS, Dense, Linear, hidden_widths, tanh

PLAIN = {"tanh": nn.Tanh, "relu": nn.ReLU, "softplus": nn.Softplus}


def plain_copy(network: Dense, member: int, activation: str) -> nn.Sequential:
    """The same member as a stack of ``torch.nn`` layers."""
    layers = []
    for layer in network.layers:
        linear = nn.Linear(layer.weight.shape[2], layer.weight.shape[1])
        linear.weight.data.copy_(layer.weight[member])
        linear.bias.data.copy_(layer.bias[member, :, 0])
        layers += [linear, PLAIN[activation]()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize(
    ("dimension", "layers", "expected"),
    [(25, 2, (8, 8)), (25, 0, ()), (24, 3, (8, 8, 8)), (26, 1, (8,)), (2, 2, (1, 1)), (1, 1, (1,))],
)
def test_hidden_widths_are_a_third_of_the_dimension(dimension, layers, expected):
    assert hidden_widths(dimension, layers) == expected


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(5, 3), (6, 4, 2), (7, 3, 3, 4)])
def test_each_member_is_an_ordinary_network(activation, widths, float64):
    network = Dense(widths, member_seeds=[1, 2, 3], activation=activation)
    for p in network.parameters():  # biases start at zero, where a forgotten bias would not show
        nn.init.normal_(p, generator=torch.Generator().manual_seed(p.numel()))
    x = torch.randn(3, 10, widths[0], generator=torch.Generator().manual_seed(0))
    y = network(x)
    assert y.shape == (3, 10, widths[-1])
    for member in range(3):
        torch.testing.assert_close(y[member], plain_copy(network, member, activation)(x[member]), rtol=0, atol=1e-12)


def test_the_activations_are_those_of_torch():
    x = torch.linspace(-30, 30, 200_001)
    assert ACTIVATIONS.keys() == PLAIN.keys()
    for name, activation in ACTIVATIONS.items():
        torch.testing.assert_close(activation(x), PLAIN[name]()(x), rtol=0, atol=2e-7)


def test_tanh_keeps_its_promised_error():
    # Against double precision, and densely near zero, where 2σ(2x) − 1 cancels.
    x = torch.cat([torch.linspace(-20, 20, 400_001), torch.linspace(-1e-2, 1e-2, 100_001)])
    assert (tanh(x).double() - x.double().tanh()).abs().max() < 2e-7
    assert tanh(torch.tensor([-torch.inf, torch.inf])).tolist() == [-1, 1]


def test_the_derivative_of_tanh_is_right():
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    slope = torch.func.vmap(torch.func.grad(tanh))(x)
    torch.testing.assert_close(slope, 1 - x.tanh() ** 2, rtol=0, atol=1e-14)


def test_members_start_alike_alone_and_in_company():
    company = Dense([5, 4, 3], member_seeds=[1, 2, 3], name="encoder")
    for i, seed in enumerate([1, 2, 3]):
        alone = Dense([5, 4, 3], member_seeds=[seed], name="encoder")
        for name, value in alone.named_parameters():
            assert torch.equal(value[0], dict(company.named_parameters())[name][i])


def test_members_layers_and_networks_start_differently():
    networks = [Dense([4, 4, 4], member_seeds=[1, 2], name=name) for name in ("encoder", "decoder")]
    starts = [layer.weight[member] for network in networks for layer in network.layers for member in range(2)]
    assert len(starts) == 8
    for i, one in enumerate(starts):
        assert not any(torch.equal(one, other) for other in starts[:i])


def test_weights_start_uniform_within_the_bound_of_glorot_and_biases_at_zero():
    layer = Linear(150, 50, [seeds.generator(1, "test"), seeds.generator(2, "test")])
    bound = math.sqrt(6 / 200)
    for weight in layer.weight.detach():
        assert weight.shape == (50, 150)
        assert 0.99 * bound < weight.abs().max() <= bound
        # Variance bound²/3, whose estimate from n values has the standard error bound²·√(4/45)/√n.
        assert abs(weight.square().mean() - bound**2 / 3) < 5 * bound**2 * math.sqrt(4 / 45 / weight.numel())
        assert abs(weight.mean()) < 5 * bound / math.sqrt(3 * weight.numel())
    assert layer.bias.abs().max() == 0


def test_members_share_nothing():
    network = Dense([3, 2, 2], member_seeds=[1, 2])
    x = torch.ones(2, 4, 3)
    network(x)[0].sum().backward()
    for p in network.parameters():
        assert p.grad[1].abs().max() == 0
    assert network.layers[0].weight.grad[0].abs().max() > 0


def test_an_unknown_activation_is_refused_with_the_choices():
    with pytest.raises(ValueError, match="activation is 'sine'") as error:
        Dense([3, 2], member_seeds=[1], activation="sine")
    assert all(name in str(error.value) for name in ACTIVATIONS)
