"""A judge of drawn digits: a small classifier, what it is sure of, and what it looks at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentsep.data import seeds
from latentsep.data.handwriting import Handwriting
from latentsep.runtime import records

SURE = 0.9  # the least probability of a class for a picture that counts as one of it


@dataclass(frozen=True)
class Schooling:
    """What determines a judge: the digits it learns from, its units, and how often it goes through them."""

    data: Handwriting
    units: int = 128
    rounds: int = 30
    seed: int = 0

    @property
    def summary(self) -> str:
        """What it is, in a few words for a list of many."""
        return f"classifier of digits, {self.rounds} rounds"


@dataclass(frozen=True)
class Judge:
    """A classifier with one layer of rectified units: weights ``(D, units)`` and ``(units, classes)``, and biases."""

    first: Tensor
    first_bias: Tensor
    second: Tensor
    second_bias: Tensor

    def features(self, pictures: Tensor) -> Tensor:
        """What its units say of pictures ``(..., D)``, ``(..., units)``."""
        return torch.relu(pictures @ self.first + self.first_bias)

    def probabilities(self, pictures: Tensor) -> Tensor:
        """The probability of each class, ``(..., classes)``."""
        return torch.softmax(self.features(pictures) @ self.second + self.second_bias, -1)

    def sure(self, pictures: Tensor) -> Tensor:
        """Whether one class has a probability of ``SURE`` or more."""
        return self.probabilities(pictures).amax(-1) >= SURE

    def accuracy(self, pictures: Tensor, labels: Tensor) -> float:
        """The share of pictures ``(n, D)`` whose class it knows."""
        return float((self.probabilities(pictures).argmax(-1) == labels).double().mean())


def job(schooling: Schooling) -> records.Job:
    """Its training as a job for the records."""
    return records.Job(schooling, train, guess=15.0)


def judge(schooling: Schooling) -> Judge:
    """The judge, from the records if it has been trained before."""
    arrays = records.fetch(schooling, train)
    return Judge(*(torch.from_numpy(arrays[name]) for name in _WEIGHTS))


_WEIGHTS = ("first", "first_bias", "second", "second_bias")


def train(schooling: Schooling, checkpoint: Path | None = None) -> records.Arrays:
    """Train the classifier: scikit-learn's, with Adam and minibatches of 200."""
    from sklearn.neural_network import MLPClassifier  # late: it takes a second
    from threadpoolctl import threadpool_limits

    x, labels = schooling.data.sample(1)
    state = seeds.derive(schooling.seed, "judge") % 2**32
    with threadpool_limits(1):  # so that its bits do not depend on the number of cores
        found = MLPClassifier(
            (schooling.units,), max_iter=schooling.rounds, n_iter_no_change=schooling.rounds, random_state=state
        )
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it stops when it is told to
            found.fit(x.numpy(), labels.numpy())
    arrays = (found.coefs_[0], found.intercepts_[0], found.coefs_[1], found.intercepts_[1])
    return {name: np.asarray(array, np.float32) for name, array in zip(_WEIGHTS, arrays, strict=True)}
