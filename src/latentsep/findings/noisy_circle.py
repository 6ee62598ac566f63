"""What chapter 7 finds of the noisy data: whose error it is, and what the print says of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import torch

from latentsep.data import benchmarks
from latentsep.findings.circle import SIGMAS
from latentsep.ledger import ledger
from latentsep.ledger.numerals import series
from latentsep.measures import evaluation
from latentsep.models.circular import wrap
from latentsep.training import experiments
from latentsep.training.ensembles import Trained

HASTE = 5  # times an even encoder's pace; an angle that runs faster is in a tear


def noisy_row(noisy: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The MSE of ``published``, ``corrected`` and ``plane`` on the noisiest data, and the thesis's, by σ_X."""
    titles = {"published": "circle, published", "corrected": "circle, corrected", "plane": "plane"}
    rows = {titles[name]: mse[SIGMAS].tolist() for name, mse in noisy.items()}
    for name, table in (("circle", "table-7.1"), ("plane", "table-5.1")):
        put_right = ledger.cells(table, corrected=True)
        rows[f"thesis, {name}, exponents put right"] = [put_right[f"x1/sx{s:g}"]["mse"].mean for s in SIGMAS]
    return pd.DataFrame(rows, index=[f"σ<sub>X</sub> = {s:g}" for s in SIGMAS]).T


def tear(trained: Trained, count: int = 6400) -> pd.DataFrame:
    """Where the error of each member of an S¹ ensemble sits, from a walk of ``count`` steps around the loop.

    ``width`` is the part of the phases at which the angle runs at more than ``HASTE`` times an even
    encoder's pace, ``share`` that part's share of the squared error, both in percent; ``dataset`` is the member's.
    """
    fine = trained.benchmark.mean(benchmarks.regular_phases(count))
    angles = evaluation.latents(trained, fine)[..., 0]
    running = wrap(angles.roll(-1, -1) - angles).abs() > HASTE * 2 * torch.pi / len(fine)
    errors = evaluation.squared_errors(trained, fine)
    found = pd.DataFrame({"dataset": [m.dataset for m in trained.run.members]})
    found["width"] = 100 * running.double().mean(-1).numpy()
    found["share"] = 100 * ((errors * running).sum(-1) / errors.sum(-1)).numpy()
    return found


@dataclass(frozen=True)
class NoisyData:
    """Ratios of MSEs: published to corrected, corrected to plane (``room``), noisy to less noisy data (``noise``).

    Width and share of a median member's tear, in percent, by σ; and of the print the MSE at σ_X = 1 by σ, and
    the largest factor between its two less noisy datasets.
    """

    mse_ratio_least: float
    mse_ratio_most: float
    room: str
    noise: str
    noise_plane: str
    tear_width: str
    tear_share: str
    said_one: str
    said_ratio: float


def noisy_data(
    published: Trained, noisy: Mapping[str, pd.Series], corrected: pd.DataFrame, plane: pd.DataFrame
) -> NoisyData:
    """From the MSE on the noisiest data by σ_X, as ``noisy_row`` takes it, and all that was measured of two of them."""
    ratio = noisy["published"] / noisy["corrected"]
    mse, flat = (table.groupby(["dataset", "sigma_x"]).mse.mean() for table in (corrected, plane))
    by_data = tear(published).groupby("dataset").median()
    said = {cell: printed["mse"].mean for cell, printed in ledger.cells("table-7.1").items()}
    pairs = [(said[f"x0.1/sx{s:g}"], said[f"x0.01/sx{s:g}"]) for s in SIGMAS]
    return NoisyData(
        mse_ratio_least=ratio.min(),
        mse_ratio_most=ratio.max(),
        room=series((noisy["corrected"] / noisy["plane"])[SIGMAS], 1),
        noise=series((mse[1.0, s] / mse[0.1, s] for s in SIGMAS), 1),
        noise_plane=series((flat[1.0, s] / flat[0.1, s] for s in SIGMAS), 1),
        tear_width=series(by_data.width, 1),
        tear_share=series(by_data.share, 0),
        said_one=", ".join(f"{said[f'x{s:g}/sx1']:.2g}" for s in experiments.SIGMAS),
        said_ratio=max(max(a / b, b / a) for a, b in pairs),
    )
