"""The computations behind the companion book to *Latent Variable Separation with Variational Autoencoders*.

The rooms read from the ground up; each imports only from those above it in this list, which ``make lint`` sees to:

- ``runtime``: where things are kept, how work is carried out, what is said meanwhile;
- ``data``: benchmarks, pictures around a loop and their order, random streams with names;
- ``models``: distributions, latent spaces, networks, the objective;
- ``training``: Algorithm 1, and the book's trainings as data;
- ``measures``: what is measured of trained autoencoders;
- ``theory``: what can be known without training;
- ``reductions``: one generative model expressed through another;
- ``figures``: one function per kind of picture;
- ``ledger``: what the sources say against what was found;
- ``findings``: the numbers of each chapter;
- ``book``: from text to pages;
- ``commands``: the command line.

Tensors have the shape ``(members, batch, features)``: every model is an ensemble, and a single
model is an ensemble of one.
"""

__version__ = "0.1.0"
