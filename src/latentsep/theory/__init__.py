"""What can be known without training: inference by hand, the linear autoencoder, the best possible bound, diffusion.

May import ``measures`` and what is below it.
"""
