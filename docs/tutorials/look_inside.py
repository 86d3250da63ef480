# %% [markdown]
# # Look inside
#
# Three pictures of a trained network: where it looks (Grad-CAM), what it takes
# for a class (DeepDraw), and which videos are alike to it (t-SNE).

# %%
# %matplotlib inline
import keras_vidrec
from keras_vidrec import visualization

videos = keras_vidrec.data.synthetic.generate(
    "videos",
    classes=["Dots", "Grow", "Stripes"],
    train_groups=10,
    test_groups=5,
    clips_per_group=2,
    num_frames=16,
)
recipe = keras_vidrec.training.recipes.get("quickstart_rgb").with_values(
    {"schedule.epochs": 10, "optimizer.batch_size": 8}
)
run = keras_vidrec.training.train(recipe, "run", data="videos", verbose=0)
recognizer = keras_vidrec.Recognizer.from_run("run")

# %% [markdown]
# ## Where it looks
#
# Grad-CAM weighs the last maps of the network by how much the score of the
# class depends on them. The object should be bright, and not the background.

# %%
recognizer.explain("videos/Stripes/v_Stripes_g02_c01.avi")

# %% [markdown]
# Another class than the most probable one can be asked for: what in this video
# speaks for dots?

# %%
recognizer.explain("videos/Stripes/v_Stripes_g02_c01.avi", "Dots")

# %% [markdown]
# ## What it takes for a class
#
# DeepDraw starts from noise and changes the picture so that the score of the
# class rises. What comes out is what the network wants to see: of networks as
# small as this one textures more than things.

# %%
drawer = visualization.deep_draw.Drawer(recognizer.model)
drawing = drawer.draw("Stripes", octaves=3, steps=40, verbose=False)
print(f"{100 * drawing.probabilities[1]:.0f} % sure of Stripes")
visualization.deep_draw.draw(drawing)

# %%
drawing = drawer.draw("Dots", octaves=3, steps=40, verbose=False)
visualization.deep_draw.draw(drawing)

# %% [markdown]
# ## Which videos are alike
#
# Each video is a point. The coordinates come from the features before the
# classifier, brought into the plane by t-SNE. The test videos of a class should
# lie together, though the network has seen none of them.

# %%
opened = keras_vidrec.data.open_dataset("videos")
found, features = visualization.embedding.read_features(
    recognizer.model, opened.source, opened.catalog.splits[1].test, False
)
points = visualization.embedding.embed(opened.source, found, features)
thumbnails = visualization.embedding.read_thumbnails(opened.source, found)
visualization.embedding.draw(points, thumbnails)

# %% [markdown]
# On the command line these are `vidrec show gradcam`, `show deepdraw` and
# `show features`; [Testing](../testing.md) tells what else is drawn.
