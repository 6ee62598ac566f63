"""What is measured of trained autoencoders: bounds, estimators, whether a latent loop goes around, holes.

May import ``training`` and what is below it.
"""
