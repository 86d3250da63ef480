# %% [markdown]
# # Two streams and fusion
#
# A frame shows what things look like, and optical flow shows how they move.
# The two-stream idea: a network for each, and both are asked. The videos of
# this page have classes of appearance (dots, stripes), which one frame tells,
# and classes of motion (left, right), which no frame tells.

# %%
# %matplotlib inline
import numpy as np

import keras_vidrec
from keras_vidrec.data import synthetic

CLASSES = ["Dots", "MoveLeft", "MoveRight", "Stripes"]
videos = synthetic.generate(
    "videos",
    classes=CLASSES,
    train_groups=12,
    test_groups=4,
    clips_per_group=2,
    num_frames=16,
)

# %% [markdown]
# ## Frames and flow, once
#
# Flow is worth computing once and keeping. `prepare` writes the frames and the
# flow of all videos into a few files. DIS is the quick method, TV-L1 that of
# the papers. Nothing moves faster than 4 pixels a frame here, so `bound` makes
# the 8-bit code finer than for real videos.

# %%
opened = keras_vidrec.data.open_dataset("videos")
keras_vidrec.data.prepare(
    opened.catalog,
    "prepared",
    keras_vidrec.data.Preparation(flow="dis", bound=4.0, size="short64"),
    workers=1,
)
records = keras_vidrec.data.Records("prepared")
moving = [name for name in records.videos if "MoveLeft" in name][0]
shown = keras_vidrec.visualization.modality_figure.read(
    records, records.videos.index(moving), num_frames=4
)
keras_vidrec.visualization.modality_figure.draw(shown)

# %% [markdown]
# ## A network for each stream

# %%
runs, scores = {}, {}
for stream, epochs in (("rgb", 8), ("flow", 16)):
    recipe = keras_vidrec.training.recipes.get(f"quickstart_{stream}")
    recipe = recipe.with_values(
        {"schedule.epochs": epochs, "optimizer.batch_size": 8}
    )
    run = keras_vidrec.training.train(
        recipe, stream, data="prepared", verbose=0
    )
    runs[stream] = run
    _, scores[stream] = keras_vidrec.evaluation.evaluate(
        run.path, verbose=False
    )

# %% [markdown]
# ## Fusion of scores
#
# The weighted mean of what both say. TSN's authors let flow count one and a
# half times as much as rgb.

# %%
scores["both"] = keras_vidrec.evaluation.fuse(
    [scores["rgb"], scores["flow"]], weights=(1.0, 1.5)
)
for name, found in scores.items():
    figures = keras_vidrec.evaluation.summary(found)
    print(f"{name:5} {100 * figures['top_1']:5.1f} % right (chance is 25 %)")

# %% [markdown]
# Who knows what? Rows are the classes that were shown, columns those that were
# answered.

# %%
for name, found in scores.items():
    answers = found.scores.argmax(axis=1)
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (found.labels, answers), 1)
    print(name)
    for label, row in zip(found.classes, counts):
        print(f"  {label:10}", "".join(f"{count:4}" for count in row))

# %% [markdown]
# ## One network of both
#
# `LateFusion` puts the trained networks together into one. It has two inputs
# and is predicted with, shown and exported like any other. From a video file
# it makes its flow itself.

# %%
joined = keras_vidrec.applications.LateFusion(
    {stream: run.load_model() for stream, run in runs.items()},
    fusion_weights={"rgb": 1.0, "flow": 1.5},
)
recognizer = keras_vidrec.Recognizer(joined)
recognizer.predict(["videos/" + moving], top=3)

# %% [markdown]
# Streams can also be joined inside of the network, where the maps of both are
# still pictures: [Two-stream fusion](../papers/two_stream_fusion.md) and
# [multiplier networks](../papers/st_multiplier.md). What each of them looks at
# is shown in [Look inside](look_inside.md).
