"""The computations behind the companion book to *Latent Variable Separation with Variational Autoencoders*.

Modules read from the ground up; each imports only from those above it:

- ``paths``, ``files``, ``progress``, ``costs``, ``fingerprints``, ``records``, ``pool``, ``seeds``: where things are,
  files that are whole or absent, bars and messages, what computations took, what code they are of, their results on
  disk, how they are carried out on all cores, random streams with names;
- ``images``, ``coil``, ``turntable``: pictures around a loop, from files or rendered;
- ``datasets``, ``distributions``, ``latent_spaces``, ``networks``, ``vae``: the models;
- ``loops``, ``seriation``: pictures as data, and the order that they show by themselves;
- ``runs``, ``training``, ``ensembles``: what a training is, Algorithm 1, and its results by way of the records;
- ``estimators``, ``evaluation``, ``topology``, ``homology``, ``recovery``: what is measured;
- ``protocols``, ``experiments``: on what, and how it is trained;
- ``bayes``, ``linear``, ``ideal``, ``diffusion``: what can be known without training;
- ``generative``, ``reductors``, ``reduction``, ``comparisons``: one generative model expressed through another;
- ``programme``, ``plan``: what each chapter has to have computed, and what of it is missing;
- ``figures``: one function per kind of picture;
- ``ledger``, ``reports``, ``browser``, ``conclusions``, ``errata``, ``checks``, ``prose``: what the thesis says against
  what was found;
- ``notebooks``, ``search``, ``inspection``, ``rendering``, ``book``: from text to pages;
- ``inventory``, ``archive``, ``sweep``, ``cli_records``, ``cli``: records that travel, chapters over values of
  parameters, the command line.

Tensors have the shape ``(members, batch, features)``: every model is an ensemble, and a single
model is an ensemble of one.
"""

__version__ = "0.1.0"
