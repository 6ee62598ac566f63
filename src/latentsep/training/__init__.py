"""What a training is, Algorithm 1, and the book's trainings as data, by way of the records.

May import ``models`` and what is below it. ``protocols`` says how each profile trains, ``experiments`` what is trained.
"""

from latentsep.training.ensembles import Trained, train, train_all
from latentsep.training.runs import Member, Run

__all__ = ["Member", "Run", "Trained", "train", "train_all"]
