"""One generative model expressed through another: maps between latent spaces and what they lose.

May import ``theory`` and what is below it. A new kind of map is one class in ``reductors``.
"""

from latentsep.reductions.generative import GenerativeModel, Known, generative_model

__all__ = ["GenerativeModel", "Known", "generative_model"]
