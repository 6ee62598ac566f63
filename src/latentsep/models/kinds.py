"""The latent circle with posteriors of other families than the diffusion."""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import Independent

from latentsep.models.circular import Circular
from latentsep.models.distributions import HeatKernel
from latentsep.models.elsewhere import Floored, PathOnly, SmallTime
from latentsep.models.families import Antipodal, PowerSpherical, ProjectedNormal, WrappedCauchy
from latentsep.models.latent_spaces import Circle
from latentsep.models.von_mises import VonMises

#: Families whose samples, density and divergence belong together.
FAMILIES: dict[str, type[Circular]] = {
    "heat kernel": HeatKernel,
    "von Mises": VonMises,
    "power spherical": PowerSpherical,
    "projected normal": ProjectedNormal,
    "wrapped Cauchy": WrappedCauchy,
    "antipodal": Antipodal,
}
#: Families in which one formula is another than the exact one.
ELSEWHERE: dict[str, type[Circular]] = {"small time": SmallTime, "floored": Floored, "path only": PathOnly}
KINDS = {**FAMILIES, **ELSEWHERE}


@dataclass(frozen=True)
class FamilyCircle(Circle):
    """S¹ with a uniform prior and posteriors of one of the ``KINDS``.

    The encoder produces a location and log t, as for ``Circle``. For all families t is half of the variance of a
    narrow posterior, or of its squared scale where it has no variance. Raises ``ValueError`` for other words.

    >>> FamilyCircle(family="power spherical").noise_features
    2
    """

    family: str = "von Mises"

    def __post_init__(self) -> None:
        if self.head not in ("projected", "real"):
            raise ValueError(f"head is {self.head!r}; choose projected or real")
        if self.family not in KINDS:
            raise ValueError(f"family is {self.family!r}; choose {', '.join(KINDS)}")
        if self.corrected:
            raise ValueError(f"corrected is {self.corrected!r} for the family {self.family}; choose from nothing")

    @property
    def noise_features(self) -> int:  # type: ignore[override]
        return KINDS[self.family].noise_features

    def kernel(self, loc: Tensor, t: Tensor) -> Circular:
        return KINDS[self.family].diffused(loc, t)

    def rsample(self, posterior: Independent, noise: Tensor) -> Tensor:
        """Map standard normal ``noise`` ``(..., members, batch, noise_features)`` to angles in [-π, π)."""
        return posterior.base_dist.transform(noise if self.noise_features == 1 else noise.unsqueeze(-2))
