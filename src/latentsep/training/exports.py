"""Trained networks as a few bytes that other programs can read: a reader's browser, for one.

The format, ``latentsep-network 1``: one line of JSON, the *head*, then numbers. The head says what the networks are:

- ``dtype`` of the numbers, ``float32`` or ``float16``, little-endian, and their CRC-32, ``checksum``;
- ``encoder`` and ``decoder``, the widths of the layers from input to output, none of a network that is left out, and
  the ``activation`` between them;
- ``space``, the latent space with its parameters, as the package names them; in that of ``Codes`` a member uses the
  first ``length`` numbers, and the decoder sees zero in place of the others;
- ``members``, what each autoencoder was trained on, and the ``record`` that holds all of its ensemble.

The numbers are, member by member, those of the encoder and then of the decoder; of each layer the weights
``(outputs, inputs)``, row by row, and the biases.
"""

import copy
import itertools
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentsep.models.autoencoders import Autoencoders
from latentsep.models.networks import Dense
from latentsep.runtime.describing import plain
from latentsep.training.ensembles import Trained, job

FORMAT = "latentsep-network 1"
DTYPES = {"float32": "<f4", "float16": "<f2"}
NETWORKS = ("encoder", "decoder")


@dataclass(frozen=True)
class Exported:
    """What ``unpacked`` finds: the head, and for each member the layers of encoder and decoder.

    A layer is its weights ``(outputs, inputs)`` and biases ``(outputs,)``.
    """

    head: dict[str, Any]
    members: list[dict[str, list[tuple[np.ndarray, np.ndarray]]]]


def packed(
    trained: Trained,
    members: Sequence[int] | None = None,
    dtype: str = "float32",
    networks: Sequence[str] = NETWORKS,
) -> bytes:
    """The ``networks`` of some ``members`` of an ensemble, by their numbers, or of all, in the format above.

    Raises ``ValueError`` for a ``dtype`` that it does not have, for networks that are not dense, and for members of
    ``Autoencoders`` of which the networks alone do not tell what they compute.

    >>> from latentsep.training.runs import Member, Run
    >>> run = Run((Member(0.1, 0.1),), updates=0)
    >>> content = packed(Trained(run, run.model(), np.empty((1, 0))))
    >>> unpacked(content).head["decoder"]
    [2, 8, 8, 25]
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; choose one of {', '.join(DTYPES)}")
    run, vae = trained.run, trained.vae
    exported = {name: getattr(vae, name) for name in NETWORKS if name in networks}
    for name, network in exported.items():
        if not isinstance(network, Dense):
            raise ValueError(f"{name} is a {type(network).__name__}; choose an ensemble of dense networks")
    chosen = range(len(run.members)) if members is None else members
    _require_plain(trained, chosen, exported)
    numbers = [_numbers(layer, i) for i in chosen for network in exported.values() for layer in network.layers]
    payload = np.concatenate(numbers).astype(DTYPES[dtype]).tobytes()
    head = {
        "format": FORMAT,
        "dtype": dtype,
        "checksum": zlib.crc32(payload),
        **{name: exported[name].widths if name in exported else () for name in NETWORKS},
        "activation": run.activation,
        "space": {"type": type(run.space).__name__, **plain(run.space)},
        "members": [asdict(run.members[i]) for i in chosen],
        "record": job(run, "cpu").path.name,
    }
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + payload


def _require_plain(trained: Trained, members: Iterable[int], networks: Iterable[str]) -> None:
    """Of ``Autoencoders`` there is more in an encoder than its layers, and in some kinds of decoders, too."""
    if not isinstance(trained.vae, Autoencoders):
        return
    if "encoder" in networks:
        raise ValueError("networks has an encoder of Autoencoders; choose the decoder alone")
    for member in members:
        kind = vars(trained.run.members[member])["kind"]
        if kind.linear or getattr(kind, "likelihood", "normal") != "normal":
            raise ValueError(f"kind is {kind.name!r}; choose one with activations and a normal likelihood")


def rounded(trained: Trained, dtype: str) -> Trained:
    """The same ensemble with weights that a ``dtype`` has: what its export computes, to the last digit."""
    vae = copy.deepcopy(trained.vae)
    for weights in vae.parameters():
        weights.data = torch.from_numpy(weights.detach().numpy().astype(DTYPES[dtype])).to(weights.dtype)
    return replace(trained, vae=vae)


def _numbers(layer: Any, member: int) -> np.ndarray:
    weight, bias = layer.weight[member].detach(), layer.bias[member].detach()
    return torch.cat([weight.flatten(), bias.flatten()]).numpy()


def unpacked(content: bytes) -> Exported:
    """Read the format. Raises ``ValueError`` for what is not in it, or not whole."""
    line, _, payload = content.partition(b"\n")
    try:
        head = json.loads(line)
        kind, checksum, widths = head["format"], head["checksum"], [head["encoder"], head["decoder"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"content has no head of the format {FORMAT}") from None
    if kind != FORMAT:
        raise ValueError(f"format is {kind!r}; this program reads {FORMAT}")
    if zlib.crc32(payload) != checksum:
        raise ValueError("the numbers of an exported network are truncated or altered")
    numbers, at = np.frombuffer(payload, DTYPES[head["dtype"]]), 0
    members = []
    for _ in head["members"]:
        networks = []
        for each in widths:
            layers = []
            for inputs, outputs in itertools.pairwise(each):
                end = at + outputs * inputs
                layers.append((numbers[at:end].reshape(outputs, inputs), numbers[end : end + outputs]))
                at = end + outputs
            networks.append(layers)
        members.append(dict(zip(NETWORKS, networks, strict=True)))
    return Exported(head, members)


@torch.no_grad()
def probe(trained: Trained, x: Tensor, members: Sequence[int] | None = None) -> list[dict[str, list[float]]]:
    """What the networks of each member make of a datapoint ``x`` ``(D,)``, for other programs to be held against.

    Its ``location`` in the latent space, the ``spread`` of its posterior, and the ``mean`` decoded from the location.
    """
    posterior = trained.vae.posterior(x[None])
    location = trained.run.space.location(posterior)
    decoded = trained.vae.decode(location)[:, 0]
    base = posterior.base_dist
    while hasattr(base, "base_dist"):
        base = base.base_dist
    found = {"location": location[:, 0], "spread": base.scale.reshape(len(decoded), -1), "mean": decoded}
    chosen = range(len(trained.run.members)) if members is None else members
    return [{"x": x.tolist(), **{name: values[i].tolist() for name, values in found.items()}} for i in chosen]


@torch.no_grad()
def decoded(trained: Trained, z: Tensor, members: Sequence[int]) -> list[dict[str, list[float]]]:
    """The same of decoders alone: the ``mean`` that each decodes from a latent variable ``z`` ``(d,)``.

    What ``z`` lacks of the numbers that the space has is zero.
    """
    padded = torch.nn.functional.pad(z, (0, trained.run.space.decoder_features - len(z)))
    means = trained.vae.decode(padded.expand(trained.vae.members, 1, -1))[:, 0]
    return [{"z": z.tolist(), "mean": means[i].tolist()} for i in members]
