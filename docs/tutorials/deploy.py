# %% [markdown]
# # Deploy
#
# An export is a directory that answers from videos without this package: the
# network, and beside it `predict.py` and `bundle.json`, which say how a video
# is read, cropped, shown and averaged.

# %%
import json
import pathlib
import subprocess
import sys

import keras_vidrec

videos = keras_vidrec.data.synthetic.generate(
    "videos",
    classes=["Dots", "Grow", "Stripes"],
    train_groups=10,
    test_groups=4,
    clips_per_group=2,
    num_frames=16,
)
recipe = keras_vidrec.training.recipes.get("quickstart_rgb").with_values(
    {"schedule.epochs": 10, "optimizer.batch_size": 8}
)
run = keras_vidrec.training.train(recipe, "run", data="videos", verbose=0)
recognizer = keras_vidrec.Recognizer.from_run("run")

# %% [markdown]
# ## Export
#
# What is written is loaded again and compared with the network; the number is
# the greatest difference of a probability. `"saved_model"` is for TensorFlow
# and TensorFlow Serving, `"onnx"` for ONNX Runtime, `"litert"` for phones.

# %%
difference = recognizer.export("exported", format="onnx")
print(f"probabilities agree within {difference:.1e}")
for path in sorted(pathlib.Path("exported").iterdir()):
    print(f"{path.stat().st_size:8}  {path.name}")

# %% [markdown]
# ## Without this package
#
# `predict.py` needs NumPy, PyAV, OpenCV and ONNX Runtime.

# %%
clip = "videos/Stripes/v_Stripes_g01_c01.avi"
done = subprocess.run(
    [sys.executable, "exported/predict.py", clip, "--json"],
    capture_output=True,
    text=True,
    check=True,
)
answer = json.loads(done.stdout)
for name, probability in zip(answer["classes"], answer["probabilities"]):
    print(f"{name:8} {100 * probability:5.1f} %")

# %% [markdown]
# It gives the probabilities of the recognizer itself:

# %%
(prediction,) = recognizer.predict(clip)
best = prediction.probabilities[0]
print(f"they differ by {abs(best - answer['probabilities'][0]):.1e}")

# %% [markdown]
# ## What it says about itself
#
# `bundle.json` holds all that a program in another language has to do.

# %%
bundle = json.loads(pathlib.Path("exported/bundle.json").read_text())
for key in ("network", "classes", "clip", "test"):
    print(f"{key}: {json.dumps(bundle[key])}")

# %% [markdown]
# [Deployment](../deploy.md) tells the rest: the signatures of SavedModels, flow
# in exports, servers, and every key of `bundle.json`.
