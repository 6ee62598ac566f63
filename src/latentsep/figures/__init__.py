"""One function per kind of picture; the only part of the package that knows matplotlib.

Every function returns a ``Picture``, which a notebook cell shows as SVG, or as PNG where there are
thousands of marks; three return what moves or can be turned. Colours of phases are cyclic, and four
phases carry markers of their own, so that the order can be read without colour.
"""

from latentsep.figures.base import Picture
from latentsep.figures.bayes import ascent, costs, dice_posteriors
from latentsep.figures.bounds import bounds_of_guesses, priors_and_codes, two_factors
from latentsep.figures.circle import tear_strip, variants
from latentsep.figures.decoders import Decoded, code_sliders, digit_line, digit_plane
from latentsep.figures.diagrams import commuting_square, mapping_triangle
from latentsep.figures.diffusion import diffusion_in_time, four_solutions, terms_needed
from latentsep.figures.digits import code_planes, curves
from latentsep.figures.directions import Steps, photograph_steps
from latentsep.figures.estimators import (
    architecture,
    error_against_samples,
    kl_and_printed_norm,
    learning_curve,
    sigma_x_curves,
    sigma_x_panels,
)
from latentsep.figures.explorers import Codes, Walk, codes, walk
from latentsep.figures.families import densities, formulas_elsewhere, predicted_losses, two_sides
from latentsep.figures.film import Film, turning
from latentsep.figures.heat import Heat, heat
from latentsep.figures.holes import barcode
from latentsep.figures.latents import datapoints, embedded_phases, latent_grid, sine
from latentsep.figures.linear import frequency_domain, learned_widths, predicted_rings, radii
from latentsep.figures.mapped_points import MappedPoint, mapped_point
from latentsep.figures.mappings import mapped_grid, matrix_steps, rotation_steps
from latentsep.figures.photographs import code_map, switched, watched
from latentsep.figures.pictures import around, learned_circles, lookalikes, orders, reconstructions, strip, views
from latentsep.figures.poses import Poses, poses
from latentsep.figures.rates import known_by, rate_distortion
from latentsep.figures.ring import Ring, ring
from latentsep.figures.spin import Spin, spin
from latentsep.figures.tally import verdicts
from latentsep.figures.tolerances import plane_of_errors, shares_by_radius, tolerances
from latentsep.figures.torus import flat_torus, mapped_tori, mean_picture, planes, raw_coordinates
from latentsep.figures.torus_point import TorusPoint, torus_point
from latentsep.figures.turnable import Turnable, turnable_torus

__all__ = [
    "Codes",
    "Decoded",
    "Film",
    "Heat",
    "MappedPoint",
    "Picture",
    "Poses",
    "Ring",
    "Spin",
    "Steps",
    "TorusPoint",
    "Turnable",
    "Walk",
    "architecture",
    "around",
    "ascent",
    "barcode",
    "bounds_of_guesses",
    "code_map",
    "code_planes",
    "code_sliders",
    "codes",
    "commuting_square",
    "costs",
    "curves",
    "datapoints",
    "densities",
    "dice_posteriors",
    "diffusion_in_time",
    "digit_line",
    "digit_plane",
    "embedded_phases",
    "error_against_samples",
    "flat_torus",
    "formulas_elsewhere",
    "four_solutions",
    "frequency_domain",
    "heat",
    "kl_and_printed_norm",
    "known_by",
    "latent_grid",
    "learned_circles",
    "learned_widths",
    "learning_curve",
    "lookalikes",
    "mapped_grid",
    "mapped_point",
    "mapped_tori",
    "mapping_triangle",
    "matrix_steps",
    "mean_picture",
    "orders",
    "photograph_steps",
    "plane_of_errors",
    "planes",
    "poses",
    "predicted_losses",
    "predicted_rings",
    "priors_and_codes",
    "radii",
    "rate_distortion",
    "raw_coordinates",
    "reconstructions",
    "ring",
    "rotation_steps",
    "shares_by_radius",
    "sigma_x_curves",
    "sigma_x_panels",
    "sine",
    "spin",
    "strip",
    "switched",
    "tear_strip",
    "terms_needed",
    "tolerances",
    "torus_point",
    "turnable_torus",
    "turning",
    "two_factors",
    "two_sides",
    "variants",
    "verdicts",
    "views",
    "walk",
    "watched",
]
