# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From pictures of clothing to a classifier one can trust
#
# Fashion-MNIST holds 70,000 small grey pictures of clothing in ten classes. In this notebook we look at the pictures,
# see what augmentation does to them, train two networks, find out how good they are and where they fail, and ask
# whether the better one is better by more than chance.
#
# Every step is a call of the `fashionlab` library, so that each cell can be changed and run again. No graphics card is
# needed; nearly all of the time is spent on the training in section 5.
#
# One rule runs through it all: **whatever we choose, we choose without the test pictures.** They are for the very end.

# %%
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from IPython.display import Image, Markdown, display

from fashionlab import augment, models, recipes
from fashionlab.common.runtime import generator
from fashionlab.data import load_training, make_split, normalisation
from fashionlab.data.contact_sheet import contact_sheet, mean_picture
from fashionlab.evaluation.mistakes import confused_pairs
from fashionlab.evaluation.run import conclude
from fashionlab.report import style
from fashionlab.report.compare_figures import charts
from fashionlab.report.figures import FIGURES
from fashionlab.report.figures.pictures import Cell, mosaic
from fashionlab.report.inputs import ReportInputs
from fashionlab.runs.comparable import load_comparable
from fashionlab.runs.results import load_results
from fashionlab.studies.comparison import compare
from fashionlab.training import session

# FASHIONLAB_NOTEBOOK=small trains on a few pictures for one epoch, which shows that every cell runs, not what it finds.
SMALL = os.environ.get("FASHIONLAB_NOTEBOOK") == "small"
DATASET = os.environ.get("FASHIONLAB_NOTEBOOK_DATASET", "fashion-mnist")
RUNS = Path("runs")  # beside this notebook; `fashionlab dashboard runs` shows what is in it

print("small setting: figures below mean nothing" if SMALL else "full setting")


# %% [markdown]
# Two helpers: one shows a figure with its caption, one writes a table.


# %%
def show(figure, caption=""):
    stream = BytesIO()
    with style.applied():
        figure.savefig(stream, format="png", dpi=90)
    display(Image(stream.getvalue(), alt=caption))
    if caption:
        display(Markdown(f"*{caption}*"))


def table(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    display(Markdown("\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)))


# %% [markdown]
# ## 1. Load
#
# `load_training` reads the 60,000 training pictures and nothing else. From these we hold out 5,000 for validation:
# pictures that the networks never learn from, on which we can watch whether they learn something general. The split is
# *stratified*, so that every class keeps its share, and *seeded*, so that it is the same for everyone.

# %%
pictures = load_training(DATASET)
split = make_split(pictures.labels, validation=100 if SMALL else 5000, seed=0)
mean, deviation = normalisation(pictures, split.train)

table(["", "value"], [
    ["pictures to learn from", f"{len(split.train):,}"],
    ["pictures held out for validation", f"{len(split.validation):,}"],
    ["size of a picture", " x ".join(map(str, pictures.images.shape[1:]))],
    ["classes", len(pictures.classes)],
    ["mean brightness (0 black, 1 white)", f"{mean[0]:.4f}"],
    ["standard deviation", f"{deviation[0]:.4f}"],
])

# %% [markdown]
# ## 2. Explore
#
# Never train on pictures you have not looked at. Each row below is a class: its mean picture, then ten examples.

# %%
display(contact_sheet(pictures))

# %% [markdown]
# The mean pictures already say a lot. A class with a sharp mean (trousers, boots) has members that look alike; a
# blurred mean (sandals, bags) hides many shapes. And some means are hard to tell from one another. We can put that in
# numbers: the distance between the mean pictures of two classes. The closest pairs are a prediction, made before any
# training, of what a network will confuse.

# %%
means = np.stack([mean_picture(pictures, split.train[pictures.labels[split.train] == label]).ravel() / 255
                  for label in range(len(pictures.classes))])
distances = np.linalg.norm(means[:, None] - means[None], axis=2)
first, second = np.triu_indices(len(means), k=1)
nearest = np.argsort(distances[first, second])[:5]
alike = [(pictures.classes[first[i]], pictures.classes[second[i]]) for i in nearest]

table(["nearest mean pictures", "distance"],
      [[" and ".join(pair), f"{distances[first[i], second[i]]:.2f}"] for pair, i in zip(alike, nearest, strict=True)])

# %% [markdown]
# ## 3. Augmentation: more pictures than there are
#
# A shirt mirrored or moved by a pixel is still a shirt. Showing the network a slightly different version of every
# picture in every epoch keeps it from learning pixels by heart. Each picture gets its own random draw. Some operations
# below help with clothing; others would do harm if they were strong: an ankle boot that is turned by 90 degrees is no
# picture that anybody takes. `mixup` even blends two pictures, and the network is asked for both labels in proportion.

# %%
columns = 8
images = torch.from_numpy(pictures.images[split.train[:columns]].copy()).float() / 255
labels = torch.from_numpy(pictures.labels[split.train[:columns]].copy())
operations = {
    "as they are": [],
    "flip": [{"name": "flip", "probability": 0.5}],
    "shift by up to 2 pixels": [{"name": "shift", "x": 2, "y": 2}],
    "turn by up to 15 degrees": [{"name": "rotation", "degrees": 15}],
    "random erasing": [{"name": "random_erasing"}],
    "mixup": [{"name": "mixup", "alpha": 0.4}],
}

rows = []
for name, fields in operations.items():
    seen, _ = augment.build(fields)(images, labels, augment.Draw(generator(0, "notebook", name)), len(pictures.classes))
    rows.append([Cell(picture) for picture in (seen.clamp(0, 1) * 255).round().to(torch.uint8).numpy()])
with style.applied():
    sheet = mosaic("The same eight pictures under five operations", f"training split, n = {columns} pictures",
                   rows, list(operations), label_width=1.9, text_lines=0)
show(sheet)

# %% [markdown]
# ## 4. Two networks
#
# - A **multilayer perceptron** (`notebook-mlp`): it sees a picture as a list of 784 numbers and does not know which
#   pixels are neighbours.
# - A small **convolutional network** (`quick`): the same small filters slide over the whole picture, so that an edge is
#   an edge wherever it is.
#
# A *recipe* says everything about a training: network, augmentation, optimizer, schedule, epochs. We take two that come
# with the library and make them agree on the pictures that are held out, so that they can be compared.

# %%
small = ["data.validation=100", "data.limit=500", "epochs=1", "batch_size=50"] if SMALL else ["data.validation=5000"]
chosen = {
    "perceptron": recipes.load("notebook-mlp", [f"data.dataset={DATASET}", *small]),
    "convolutional": recipes.load("quick", [f"data.dataset={DATASET}", *small]),
}

rows = []
for name, recipe in chosen.items():
    network = models.build(recipe.model.name, classes=len(pictures.classes), channels=1, image_size=28,
                           **recipe.model.arguments)
    rows.append([name, f"{models.count_parameters(network):,}", f"{models.count_macs(network, (1, 28, 28)):,}",
                 ", ".join(step["name"] for step in recipe.augment) or "none", recipe.epochs])
table(["network", "parameters", "multiply-accumulates a picture", "augmentation", "epochs"], rows)

# %% [markdown]
# Parameters are what a network stores; multiply-accumulates are what it has to compute for one picture. The two need
# not go together: a convolution uses each of its few weights at every place of the picture.
#
# ## 5. Train
#
# `session.start` trains, `session.conclude` judges the trained network on the validation split and, for the only time,
# on the test split. While `start` runs, the test split is sealed: code that tried to read it would be refused.
# Everything is kept in a run folder.

# %%
runs = {}
for name, recipe in chosen.items():
    options = session.Options(overwrite=True, quiet=True, command=["notebooks/fashion_mnist.ipynb"])
    run = session.start(recipe, RUNS / name, options)
    conclude(run, data_dir=options.data_dir, device=options.device)
    runs[name] = load_results(run.path)

inputs = {name: ReportInputs(results) for name, results in runs.items()}
table(["network", "epochs", "training time", "pictures a second", "validation accuracy"], [
    [name, found.metrics.epochs, f"{found.metrics.train_seconds:.0f} s",
     f"{found.metrics.images_per_second:,.0f}", f"{found.metrics.val.accuracy:.2%}"]
    for name, found in runs.items()])

# %% [markdown]
# The curves show how it went. Look at the gap between training and validation: where training goes on improving while
# validation stands still, the network has begun to learn its training pictures by heart. Training accuracy can also
# lie *below* validation accuracy: it is measured on augmented pictures, which are harder, and with dropout switched on.

# %%
for entry in inputs.values():
    show(FIGURES["curves"].draw(entry), FIGURES["curves"].caption(entry))

# %% [markdown]
# And this is what the convolutional network really saw in its first step, drawn by the same code that trained it.

# %%
seen = FIGURES["augmentation"]
show(seen.draw(inputs["convolutional"]), seen.caption(inputs["convolutional"]))

# %% [markdown]
# ## 6. Evaluate
#
# Now the test pictures. Accuracy is one number; the confusion matrix says what it is made of. A row is a true class, a
# column what the network said.

# %%
for name in ("confusion_counts", "per_class"):
    show(FIGURES[name].draw(inputs["convolutional"]), FIGURES[name].caption(inputs["convolutional"]))

# %% [markdown]
# Was our prediction from section 2 right? There we named the five pairs of classes whose mean pictures are closest.

# %%
confused = confused_pairs(runs["convolutional"].test)
names = runs["convolutional"].test.classes
together = {}
for pair in confused:
    key = frozenset((names[pair.true], names[pair.predicted]))
    together[key] = together.get(key, 0) + pair.count
worst = sorted(together.items(), key=lambda item: -item[1])[:5]
foreseen = [pair for pair, _ in worst if pair in map(frozenset, alike)]

table(["most confused, either way round", "mistakes", "foreseen in section 2"],
      [[" and ".join(sorted(pair)), count, "yes" if pair in foreseen else "no"] for pair, count in worst])
display(Markdown(f"Of the {len(worst)} most confused pairs, the mean pictures had foreseen {len(foreseen)}."))

# %% [markdown]
# The mistakes that a network is most certain of teach the most. Some are failures of the network, some are pictures
# that a person could not tell either, and some look like wrong labels.

# %%
if FIGURES["confident_mistakes"].applicable(inputs["convolutional"]):
    show(FIGURES["confident_mistakes"].draw(inputs["convolutional"]),
         FIGURES["confident_mistakes"].caption(inputs["convolutional"]))
else:
    print("not a single mistake")

# %% [markdown]
# Can we believe the network when it says "90 % sure"? In a reliability diagram a calibrated network lies on the
# diagonal: of the answers given with 90 % confidence, 90 % are right.

# %%
show(FIGURES["reliability"].draw(inputs["convolutional"]), FIGURES["reliability"].caption(inputs["convolutional"]))

# %% [markdown]
# ## 7. Compare
#
# Both networks judged the same test pictures, so we can compare them picture by picture: on how many is only the one
# right, on how many only the other? McNemar's exact test asks how likely so uneven a result would be if both were
# equally good; the interval says how large the difference may be.

# %%
comparison = compare(load_comparable([run.folder.path for run in runs.values()]))
pair = comparison.pairs[0]
drawn = charts(comparison)
for chart in [*drawn["scores"], *drawn["classes"]]:
    show(chart.sheet, chart.caption)

table(["", *comparison.labels], [
    ["test accuracy", *(f"{one.accuracy.estimate:.2%}" for one in comparison.candidates)],
    ["95 % interval", *(f"{one.accuracy.low:.2%} to {one.accuracy.high:.2%}" for one in comparison.candidates)],
    ["macro F1", *(f"{one.macro_f1:.4f}" for one in comparison.candidates)],
    ["ECE", *(f"{one.ece:.4f}" for one in comparison.candidates)],
    ["right where the other is wrong", f"{pair.only_first:,}", f"{pair.only_second:,}"],
    ["training time", *(f"{one.cost.train_seconds:.0f} s" for one in comparison.candidates)],
])

# %% [markdown]
# ## 8. Conclude
#
# These sentences are written by the cell below from what was measured above. Change a recipe, run the notebook again,
# and they change.

# %%
points = [100 * value for value in (pair.difference.estimate, pair.difference.low, pair.difference.high)]
by_class = [(other.accuracy - one.accuracy, one.name) for one, other in
            zip(comparison.candidates[0].per_class, comparison.candidates[1].per_class, strict=True)]
if pair.difference.low > 0:
    verdict = f"the {pair.second} network is better"
elif pair.difference.high < 0:
    verdict = f"the {pair.first} network is better"
else:
    verdict = "which of the two is better stays undecided"
hardest = min(comparison.candidates[1].per_class, key=lambda score: score.accuracy)

display(Markdown(f"""
- On these {comparison.n:,} test pictures {verdict}: the difference between {pair.second} and {pair.first} is
  {points[0]:+.2f} points (95 % interval {points[1]:+.2f} to {points[2]:+.2f}; McNemar's exact test, p = {pair.p:.2g}).
- Class by class and against the {pair.first}, the {pair.second} network does best on *{max(by_class)[1]}*
  ({100 * max(by_class)[0]:+.1f} points) and worst on *{min(by_class)[1]}* ({100 * min(by_class)[0]:+.1f} points).
- Its hardest class is *{hardest.name}*: it finds {hardest.accuracy:.1%} of them.
- The mean pictures alone foresaw {len(foreseen)} of its {len(worst)} most confused pairs.
"""))

# %% [markdown]
# **What this does not show.** Each network was trained once. Another seed would have given another network with another
# accuracy, and the test above knows nothing of that: it compares *these two trained networks*, not the two recipes. To
# say that one recipe is better than the other takes several seeds of both: `fashionlab study` trains them and says
# "better", "worse", "no difference that matters" or "undecided".
#
# **Where to go on**
#
# - `fashionlab report runs/convolutional` writes a page with all figures of a run.
# - `fashionlab dashboard runs` shows the two runs side by side, and every further one while it trains.
# - Change a recipe in section 4, for example `recipes.load("quick", ["augment=[]", ...])`, and ask whether augmentation
#   helped.
