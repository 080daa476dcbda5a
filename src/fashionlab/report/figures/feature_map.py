"""Which pictures look alike to the network: its penultimate features laid out in the plane."""

from __future__ import annotations

import numpy as np

from fashionlab.report import style
from fashionlab.report.figures.base import figure, needs_predictions
from fashionlab.report.inputs import ReportInputs
from fashionlab.report.names import short_names
from fashionlab.report.style import Sheet

FEWEST = 10  # pictures; fewer make no map
PERPLEXITY = 30


def needs_features(inputs: ReportInputs) -> str | None:
    features, rows = inputs.features
    if len(rows) < FEWEST:
        return f"a map needs at least {FEWEST} test pictures"
    if features.shape[1] < 2 or not (features.max(axis=0) > features.min(axis=0)).any():
        return "the network's penultimate features do not differ from picture to picture"
    return None


def layout(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """float64 [N, 2]: t-SNE (van der Maaten and Hinton 2008) of the 30 first principal components of [N, D]."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    components = min(30, *features.shape)
    reduced = PCA(components, svd_solver="covariance_eigh").fit_transform(features.astype(np.float64))
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    tsne = TSNE(2, perplexity=perplexity, max_iter=400, random_state=seed)
    # Its threads wait for each other with all they have: where another process is at work they take ten times as long.
    with threadpool_limits(1, "openmp"):
        return tsne.fit_transform(reduced.astype(np.float32)).astype(np.float64)


def _caption(inputs: ReportInputs) -> str:
    features, rows = inputs.features
    return (f"The {features.shape[1]} penultimate features of {len(rows):,} {inputs.part} pictures drawn at random, "
            "laid out by t-SNE: near points are pictures that look alike to the network. Colour and marker tell the "
            "true class; black rings are pictures judged wrong. Distances between groups, and the axes, mean nothing.")


@figure("feature_map", "Map of the penultimate features", "network", 20, _caption, (needs_predictions, needs_features))
def draw(inputs: ReportInputs) -> Sheet:
    features, rows = inputs.features
    predictions = inputs.predictions
    labels, wrong = predictions.labels[rows], (predictions.predicted != predictions.labels)[rows]
    points = layout(features)
    sheet = style.sheet(8.6, 6.6, "Penultimate features, laid out by t-SNE",
                        f"{inputs.part} split, {len(rows):,} of n = {len(predictions.labels):,} pictures, "
                        f"{features.shape[1]} features · axes without unit · run {inputs.results.name}")
    axes = sheet.add_subplot()
    for label in np.unique(labels).tolist():
        here = labels == label
        # Rasterised: as paths, the points alone would make the SVG a megabyte.
        axes.scatter(*points[here].T, s=17, linewidths=0, rasterized=True, label=short_names(inputs.classes, 18)[label],
                     **style.class_marker(label))
    axes.scatter(*points[wrong].T, s=34, facecolors="none", edgecolors=style.BLACK, linewidths=0.8, rasterized=True,
                 label="judged wrong")
    for label in np.unique(labels).tolist():
        centre = np.median(points[labels == label], axis=0)
        axes.text(centre[0], centre[1], short_names(inputs.classes, 14)[label], ha="center", va="center", fontsize=9,
                  fontweight="bold", bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "alpha": 0.8,
                                           "edgecolor": "none"})
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="true class", alignment="left", markerscale=1.3)
    return sheet
