"""Exported networks: everything is in the bytes, in the order that their format says, and damage is noticed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsep.data.shapes import Shapes
from latentsep.models.autoencoders import Codes
from latentsep.models.latent_spaces import Circle, CliffordTorus, Euclidean
from latentsep.training import exports
from latentsep.training.autoencoding import KINDS, Autoencoder, Autoencoding
from latentsep.training.ensembles import Trained, job
from latentsep.training.runs import Member, Run

RUN = Run((Member(0.1, 0.1), Member(1.0, 0.3), Member(0.1, 0.1, 1)), updates=0)


def untrained(**changes: object) -> Trained:
    run = replace(RUN, **changes)
    return Trained(run, run.model().requires_grad_(False), np.empty((3, 0)))


def forward(layers: list, x: np.ndarray) -> np.ndarray:
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = np.tanh(w @ x + b)
    return weight @ x + bias


@pytest.mark.parametrize("space", [Euclidean(2), Circle(), Circle("real", "published"), CliffordTorus()])
def test_the_numbers_alone_make_the_same_networks(space):
    trained = untrained(space=space)
    found = exports.unpacked(exports.packed(trained))
    x = trained.run.loop(torch.tensor([0.3]))
    raw, z = trained.vae.encoder(x.expand(3, 1, 25)), torch.full((3, 1, space.noise_features), 0.4)
    for i, member in enumerate(found.members):
        np.testing.assert_allclose(forward(member["encoder"], x[0].numpy()), raw[i, 0], atol=1e-5)
        embedded = space.embed(z)[i, 0].numpy()
        np.testing.assert_allclose(forward(member["decoder"], embedded), trained.vae.decode(z)[i, 0], atol=1e-5)


def test_the_head_says_what_they_are():
    trained = untrained(space=Circle())
    head = exports.unpacked(exports.packed(trained, [2, 0])).head
    assert head["members"] == [{"dataset": 0.1, "sigma_x": 0.1, "repetition": r} for r in (1, 0)]
    assert head["space"] == {"type": "Circle", "head": "projected", "family": "heat kernel", "corrected": []}
    assert (head["encoder"], head["decoder"], head["activation"]) == ([25, 8, 8, 3], [2, 8, 8, 25], "tanh")
    assert head["record"] == job(trained.run, "cpu").path.name


def test_half_precision_takes_half_the_bytes_and_keeps_three_digits():
    trained = untrained()
    full, half = (exports.packed(trained, dtype=dtype) for dtype in ("float32", "float16"))
    sizes = [len(content.partition(b"\n")[2]) for content in (full, half)]
    assert sizes[0] == 2 * sizes[1]
    first, second = (exports.unpacked(content).members[1]["decoder"][0][0] for content in (full, half))
    np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4)


def test_a_probe_is_what_the_package_computes():
    trained = untrained(space=CliffordTorus())
    x = trained.run.loop(torch.tensor([0.7]))[0]
    (only,) = exports.probe(trained, x, [1])
    posterior = trained.vae.posterior(x[None])
    location = trained.run.space.location(posterior)
    assert only["location"] == location[1, 0].tolist()
    assert only["spread"] == posterior.base_dist.base_dist.scale[1, 0, :, 0].tolist()
    assert only["mean"] == trained.vae.decode(location)[1, 0].tolist()


def autoencoders(*kinds: str) -> Trained:
    members = tuple(Autoencoder(1, 1.0, 0, KINDS[kind], 2) for kind in kinds)
    run = Autoencoding(members, Shapes(9, 3), Codes(4), width=8, layers=1, updates=0, activation="relu")
    return Trained(run, run.model().requires_grad_(False), np.empty((len(kinds), 0)))


def test_a_rounded_decoder_alone_computes_what_its_numbers_say():
    trained = exports.rounded(autoencoders("linear", "variational"), "float16")
    found = exports.unpacked(exports.packed(trained, [1], "float16", ["decoder"]))
    assert (found.head["encoder"], found.head["decoder"]) == ([], [4, 8, 784])
    assert found.head["members"][0]["length"] == 2
    assert found.members[0]["encoder"] == []
    (only,) = exports.decoded(trained, torch.tensor([0.5, -1.5]), [1])
    (weight, bias), (last, shift) = (
        tuple(part.astype(float) for part in layer) for layer in found.members[0]["decoder"]
    )
    hidden = np.maximum(weight @ np.array([0.5, -1.5, 0, 0]) + bias, 0)
    np.testing.assert_allclose(last @ hidden + shift, only["mean"], atol=1e-6)


def test_rounding_leaves_the_original_as_it_was():
    trained = autoencoders("plain")
    before = trained.vae.decoder.layers[0].weight.clone()
    rounded = exports.rounded(trained, "float16").vae.decoder.layers[0].weight
    assert torch.equal(trained.vae.decoder.layers[0].weight, before)
    assert not torch.equal(rounded, before)
    assert torch.equal(rounded, before.half().float())


def test_what_layers_alone_do_not_tell_is_not_exported():
    with pytest.raises(ValueError, match=r"^networks has an encoder of Autoencoders; choose the decoder alone$"):
        exports.packed(autoencoders("plain"))
    with pytest.raises(ValueError, match=r"^kind is 'linear'; choose one with activations and a normal likelihood$"):
        exports.packed(autoencoders("linear"), networks=["decoder"])


def test_damage_and_other_formats_are_noticed():
    content = exports.packed(untrained())
    with pytest.raises(ValueError, match=r"^the numbers of an exported network are truncated or altered$"):
        exports.unpacked(content[:-4])
    altered = bytearray(content)
    altered[-3] ^= 1
    with pytest.raises(ValueError, match="truncated or altered"):
        exports.unpacked(bytes(altered))
    head, _, payload = content.partition(b"\n")
    other = json.dumps({**json.loads(head), "format": "else 2"}).encode()
    with pytest.raises(ValueError, match=r"^format is 'else 2'; this program reads latentsep-network 1$"):
        exports.unpacked(other + b"\n" + payload)
    with pytest.raises(ValueError, match=r"^content has no head"):
        exports.unpacked(b"no network")
    with pytest.raises(ValueError, match=r"^dtype is 'int8'; choose one of float32, float16$"):
        exports.packed(untrained(), dtype="int8")
