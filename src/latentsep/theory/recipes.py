"""Bayes' theorem where everything can be listed: recipes that are not seen, and dishes that are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentsep.theory.bayes import Inference


@dataclass(frozen=True)
class Kitchen:
    """Recipes with their ``prior`` probabilities, and the ``likelihood`` of every dish under each, one row a recipe.

    Raises ``ValueError`` unless all of these sum to one.

    >>> kitchen = Kitchen(("curry", "stew"), ("hot", "mild"), (0.5, 0.5), ((0.9, 0.1), (0.3, 0.7)))
    >>> kitchen.given("hot").posterior().round(2).tolist()
    [0.75, 0.25]
    """

    recipes: tuple[str, ...]
    dishes: tuple[str, ...]
    prior: tuple[float, ...]
    likelihood: tuple[tuple[float, ...], ...]

    def __post_init__(self):
        rows = zip(self.recipes, self.likelihood, strict=True)
        for name, row in [("prior", self.prior), *((f"likelihood of {recipe}", row) for recipe, row in rows)]:
            if abs(sum(row) - 1) > 1e-9:
                raise ValueError(f"{name} is {row}, which sums to {sum(row):g}; choose probabilities that sum to 1")

    def given(self, dish: str) -> Inference:
        """What can be said after seeing a dish. Raises ``ValueError`` for one that is not served."""
        if dish not in self.dishes:
            raise ValueError(f"dish is {dish!r}; choose {' | '.join(self.dishes)}")
        seen = self.dishes.index(dish)
        with np.errstate(divide="ignore"):
            return Inference(np.array(self.prior), np.log([row[seen] for row in self.likelihood]))

    def table(self) -> pd.DataFrame:
        """Prior, likelihoods, joint probabilities and posteriors, a column for each recipe, and one for their sums."""
        found = pd.DataFrame({"prior": self.prior}, index=list(self.recipes))
        for n, dish in enumerate(self.dishes):
            found[f"p({dish} | recipe)"] = [row[n] for row in self.likelihood]
        for n, dish in enumerate(self.dishes):
            found[f"p({dish}, recipe)"] = found.prior * [row[n] for row in self.likelihood]
        for dish in self.dishes:
            found[f"p(recipe | {dish})"] = self.given(dish).posterior()
        sums = found.sum()
        sums[[name for name in found if name.endswith("| recipe)")]] = np.nan  # of different distributions
        found.loc["sum"] = sums
        return found.T
