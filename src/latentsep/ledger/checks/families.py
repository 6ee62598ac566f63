"""Checks of what chapter 9 says of its maps, and of what its own results say of the thesis's explanations."""

from collections.abc import Mapping

import torch

from latentsep.data.benchmarks import regular_phases
from latentsep.ledger.checks.benchmark import DATA
from latentsep.ledger.checks.reduction import FAMILIES, SPACES, codes_of, models
from latentsep.ledger.checks.registry import sizes, statement
from latentsep.ledger.ledger import Check
from latentsep.reductions import pairing, tolerance
from latentsep.reductions.generative import Known
from latentsep.reductions.reductors import Rotation


@statement("text-9.0a")
def linear_maps() -> Check:
    """Of the six, how many keep sums and multiples: M(ay + bz) = aM(y) + bM(z), as points where spaces have them?

    Φ has angles, S¹ and R² points of the plane, as in Table 9.1; a sum of points of S¹ need not be one of it.
    """

    def keeps(key: tuple[str, str]) -> bool:
        family, z = FAMILIES[key], codes_of(key[0])
        parameters = family.start(torch.Generator().manual_seed(0))
        # How the family acts on numbers of the kind that Table 9.1 has for its source: by what it does to a basis.
        points = z if key[0] != "S¹" else SPACES["S¹"].embed(z)
        images = family.apply(parameters, z)
        images = SPACES["S¹"].embed(images) if key[1] == "S¹" else images
        fitted = torch.linalg.lstsq(points.double(), images.double(), driver="gelsd").solution
        return bool((points.double() @ fitted - images.double()).abs().max() < 1e-5)

    found = sum(map(keeps, FAMILIES))
    return sizes(f"linear maps of the {len(FAMILIES)}", len(FAMILIES), 1, found)


@statement("text-9.0b")
def direction_of_a_map() -> Check:
    """The map that reduces the plane to phases takes points of the plane and gives phases, as the package has it."""
    found = FAMILIES["R²", "Φ"].apply(torch.tensor([0.8]), codes_of("R²")).shape[-1]
    return sizes("numbers that the map of R² and Φ gives", 2, 1, found)


@statement("text-9.0c")
def least_tolerance_of_all() -> Check:
    """What the best of all maps leaves: between models that decode to different sets, or with different σ, not 0.

    For equal σ, and a second decoder that reaches all that the first decodes to, a map that leaves nothing exists.
    """
    plane, ring = (models()[name] for name in ("R²", "Φ"))
    of_any_shape = tolerance.tolerance(
        plane, ring, lambda w: pairing.nearest(plane, ring, w), latents=codes_of("R²", 4096)[None]
    )
    phases = Known.benchmark(DATA, 0.1)
    backwards = Known(lambda w: DATA.mean(0.5 - w[..., 0]), phases.space, [0.1])
    exact = tolerance.tolerance(phases, backwards, lambda w: 0.5 - w, latents=codes_of("Φ")[None])
    return Check(
        "Δ in nats that the best of all maps leaves; for equal σ and sets",
        float(of_any_shape.value),
        1e-6,
        float(exact.value),
    )


@statement("text-9.1a")
def decoders_with_gradients() -> Check:
    found, parameters = models(), torch.tensor([0.4], requires_grad=True)
    z = codes_of("R²")
    mapped = FAMILIES["R²", "Φ"].apply(parameters, z)
    decoded = (found["R²"].decode(z), found["Φ"].decode(mapped))
    return sizes("decoders whose values depend on λ", 2, 1, sum(values.requires_grad for values in decoded))


@statement("text-9.2")
def sizes_of_the_factors() -> Check:
    left, _, _ = torch.linalg.svd(torch.tensor([[0.4, 1.1], [0.9, -0.2]]))
    return sizes("numbers of U", 2, 4, left.numel())


@statement("text-9.3")
def reflections() -> Check:
    """Two copies of the benchmark that run in opposite senses: the best rotation, and the best reflection."""
    phases = Known.benchmark(DATA, 0.1)
    backwards = Known(lambda w: DATA.mean(-w[..., 0]), phases.space, [0.1])
    z, turns = regular_phases(256)[None, :, None], regular_phases(360)

    def least(reflected: bool) -> float:
        family = Rotation(phases.space, backwards.space, reflected)
        maps = (lambda w, turn=turn: family.apply(turn[None], w) for turn in turns)
        return min(float(tolerance.tolerance(phases, backwards, m, latents=z).value) for m in maps)

    return Check(
        "least Δ in nats of all rotations, between opposite senses; of all reflections", least(False), 1e-3, least(True)
    )


# What the chapter's own results say.


def inside_of_the_plane(causes: Mapping[tuple[str, str], float]) -> Check:
    """§9.4: shape and projection are to make Δ from R² large. Δ by latent variables and map, in nats.

    If they did, the best of all maps would do without; if the prior does it, codes of data do without.
    """
    rotation = causes["prior", "rotation"]
    left = [causes[key] / rotation for key in (("prior", "best of all"), ("codes of data", "rotation"))]
    return Check(
        "part of Δ from R² to Φ that stays with a map of any shape; averaged over codes of data", left[0], 0.2, left[1]
    )
