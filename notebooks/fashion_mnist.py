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
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display
from PIL import Image, ImageDraw

import fashionlab as fl

# FASHIONLAB_NOTEBOOK=small trains on a few pictures for one epoch, which shows that every cell runs, not what it finds.
SMALL = os.environ.get("FASHIONLAB_NOTEBOOK") == "small"
DATASET = os.environ.get("FASHIONLAB_NOTEBOOK_DATASET", "fashion-mnist")
RUNS = Path("runs")  # beside this notebook; `fashionlab dashboard runs` shows what is in it

print("small setting: figures below mean nothing" if SMALL else "full setting")


# %% [markdown]
# Two helpers: one shows a figure with its caption, one writes a table.


# %%
def show(figure):
    display(figure)
    if figure.caption:
        display(Markdown(f"*{figure.caption}*"))


def table(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    display(Markdown("\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)))


# %% [markdown]
# ## 1. Load
#
# `fl.datasets.load` reads the 60,000 training pictures and nothing else. From these we hold out 5,000 for validation:
# pictures that the networks never learn from, on which we can watch whether they learn something general. The split is
# *stratified*, so that every class keeps its share, and *seeded*, so that it is the same for everyone.

# %%
pictures = fl.datasets.load(DATASET)
split = fl.datasets.split(pictures, validation=100 if SMALL else 5000, seed=0)
mean, deviation = fl.datasets.normalisation(pictures, split.train)

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
display(fl.datasets.contact_sheet(pictures))

# %% [markdown]
# The mean pictures already say a lot. A class with a sharp mean (trousers, boots) has members that look alike; a
# blurred mean (sandals, bags) hides many shapes. And some means are hard to tell from one another. We can put that in
# numbers: the distance between the mean pictures of two classes. The closest pairs are a prediction, made before any
# training, of what a network will confuse.

# %%
training = pictures.subset(split.train)
means = np.stack([training.images[training.labels == label].mean(axis=0).ravel() / 255
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
images, labels = training.images[:columns], training.labels[:columns]
operations = {
    "as they are": [],
    "flip": [{"name": "flip", "probability": 0.5}],
    "shift by up to 2 pixels": [{"name": "shift", "x": 2, "y": 2}],
    "turn by up to 15 degrees": [{"name": "rotation", "degrees": 15}],
    "random erasing": [{"name": "random_erasing"}],
    "mixup": [{"name": "mixup", "alpha": 0.4}],
}

sheet = Image.new("L", (170 + 60 * columns, 60 * len(operations)), "white")
pen = ImageDraw.Draw(sheet)
for row, (name, fields) in enumerate(operations.items()):
    changed, _ = fl.augment.preview(fields, images, labels, len(pictures.classes))
    pen.text((4, 60 * row + 22), name, "black")
    for column, picture in enumerate(changed):
        large = Image.fromarray(picture[0]).resize((56, 56), Image.Resampling.NEAREST)
        sheet.paste(large, (170 + 60 * column, 60 * row + 2))
display(sheet)

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
small = {"data.validation": 100, "data.limit": 500, "epochs": 1, "batch_size": 50}
changes = {"data.dataset": DATASET, **(small if SMALL else {"data.validation": 5000})}
chosen = {
    "perceptron": fl.recipes.load("notebook-mlp", changes),
    "convolutional": fl.recipes.load("quick", changes),
}

rows = []
for name, recipe in chosen.items():
    network = fl.models.build(recipe.model.name, classes=len(pictures.classes), channels=1, image_size=28,
                              **recipe.model.arguments)
    rows.append([name, f"{fl.models.count_parameters(network):,}", f"{fl.models.count_macs(network, (1, 28, 28)):,}",
                 ", ".join(step.name for step in recipe.augment) or "none", recipe.epochs])
table(["network", "parameters", "multiply-accumulates a picture", "augmentation", "epochs"], rows)

# %% [markdown]
# Parameters are what a network stores; multiply-accumulates are what it has to compute for one picture. The two need
# not go together: a convolution uses each of its few weights at every place of the picture.
#
# ## 5. Train
#
# `fl.train` trains, then judges the trained network on the validation split and, for the only time, on the test split.
# While it trains, the test split is sealed: code that tried to read it would be refused. Everything is kept in a run
# folder. A run shows itself as a card.

# %%
runs = {}
for name, recipe in chosen.items():
    runs[name] = fl.train(recipe, runs=RUNS, name=name, overwrite=True, quiet=True)
    display(runs[name])

# %% [markdown]
# The curves show how it went. Look at the gap between training and validation: where training goes on improving while
# validation stands still, the network has begun to learn its training pictures by heart. Training accuracy can also
# lie *below* validation accuracy: it is measured on augmented pictures, which are harder, and with dropout switched on.

# %%
for run in runs.values():
    show(run.plot("curves"))

# %% [markdown]
# And this is what the convolutional network really saw in its first step, drawn by the same code that trained it.

# %%
best = runs["convolutional"]
show(best.plot("augmentation"))

# %% [markdown]
# ## 6. Evaluate
#
# Now the test pictures. Accuracy is one number; the confusion matrix says what it is made of. A row is a true class, a
# column what the network said.

# %%
for name in ("confusion", "per_class"):
    show(best.plot(name))

# %% [markdown]
# Was our prediction from section 2 right? There we named the five pairs of classes whose mean pictures are closest.

# %%
confusion = np.array(best.metrics.test.confusion)
both_ways = confusion + confusion.T
together = {frozenset((best.classes[first], best.classes[second])): int(both_ways[first, second])
            for first, second in zip(*np.triu_indices(len(both_ways), k=1), strict=True) if both_ways[first, second]}
worst = sorted(together.items(), key=lambda item: -item[1])[:5]
foreseen = [pair for pair, _ in worst if pair in map(frozenset, alike)]

table(["most confused, either way round", "mistakes", "foreseen in section 2"],
      [[" and ".join(sorted(pair)), count, "yes" if pair in foreseen else "no"] for pair, count in worst])
display(Markdown(f"Of the {len(worst)} most confused pairs, the mean pictures had foreseen {len(foreseen)}."))

# %% [markdown]
# The mistakes that a network is most certain of teach the most. Some are failures of the network, some are pictures
# that a person could not tell either, and some look like wrong labels.

# %%
try:
    show(best.plot("confident_mistakes"))
except fl.DataError as reason:
    print(reason)

# %% [markdown]
# Can we believe the network when it says "90 % sure"? In a reliability diagram a calibrated network lies on the
# diagonal: of the answers given with 90 % confidence, 90 % are right.

# %%
show(best.plot("reliability"))

# %% [markdown]
# ## 7. Compare
#
# Both networks judged the same test pictures, so we can compare them picture by picture: on how many is only the one
# right, on how many only the other? McNemar's exact test asks how likely so uneven a result would be if both were
# equally good; the interval says how large the difference may be.

# %%
comparison = fl.compare(list(runs.values()))
pair = comparison.pairs[0]
for chart in [*comparison.charts["scores"], *comparison.charts["classes"]]:
    show(chart.sheet)
display(comparison.table)

# %%
candidates = comparison.result.candidates
table(["", *(one.label for one in candidates)], [
    ["test accuracy", *(f"{one.accuracy.estimate:.2%}" for one in candidates)],
    ["95 % interval", *(f"{one.accuracy.low:.2%} to {one.accuracy.high:.2%}" for one in candidates)],
    ["macro F1", *(f"{one.scores['macro_f1']:.4f}" for one in candidates)],
    ["ECE", *(f"{one.scores['ece']:.4f}" for one in candidates)],
    ["right where the other is wrong", f"{pair.only_first:,}", f"{pair.only_second:,}"],
    ["training time", *(f"{one.cost.train_seconds:.0f} s" for one in candidates)],
])

# %% [markdown]
# ## 8. Conclude
#
# These sentences are written by the cell below from what was measured above. Change a recipe, run the notebook again,
# and they change.

# %%
points = [100 * value for value in (pair.difference.estimate, pair.difference.low, pair.difference.high)]
by_class = [(other.accuracy - one.accuracy, one.name) for one, other in
            zip(candidates[0].per_class, candidates[1].per_class, strict=True)]
if pair.difference.low > 0:
    verdict = f"the {pair.second} network is better"
elif pair.difference.high < 0:
    verdict = f"the {pair.first} network is better"
else:
    verdict = "which of the two is better stays undecided"
hardest = min(candidates[1].per_class, key=lambda score: score.accuracy)

display(Markdown(f"""
- On these {comparison.result.n:,} test pictures {verdict}: the difference between {pair.second} and {pair.first} is
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
# - Change a recipe in section 4, for example `fl.recipes.load("quick", {"augment": []})`, and ask whether augmentation
#   helped.
