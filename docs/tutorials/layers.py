# %% [markdown]
# # Build a network from layers
#
# The networks of the papers are functional Keras models. Their parts are
# layers like those of Keras, and a network of your own is made of them in the
# same way. Here is a small Temporal Segment Network, and then one that does
# what averaging cannot: it tells what came first.

# %%
import dataclasses

import keras

import keras_vidrec
from keras_vidrec import layers

CLASSES = ["LeftThenUp", "UpThenLeft"]
videos = keras_vidrec.data.synthetic.generate(
    "videos",
    classes=CLASSES,
    train_groups=24,
    test_groups=6,
    clips_per_group=2,
    num_frames=18,
    size=(32, 40),
)

# %% [markdown]
# ## What a clip is
#
# A `ClipSpec` says what the network wants to see of a video, a `TestProtocol`
# how a video is shown in a test. Both are written into the network, and
# everything that shows videos to it reads them there. Here: six places in time,
# at each three neighboring frames, of which the network makes two differences.

# %%
clip = keras_vidrec.ClipSpec(
    modalities=("rgb_diff",),
    num_segments=6,
    snippet_length=2,
    size=32,
    frame=keras_vidrec.specs.FrameSpec(size="short32"),
)
shape = (clip.num_segments, clip.size, clip.size, clip.channels("rgb_diff"))
print("a clip is", shape)

# A test shows the same six, and of each frame the center.
test = keras_vidrec.specs.TestProtocol.named("6x1")

# %% [markdown]
# ## The network
#
# `FoldSegments` puts the snippets of a clip into the batch: a 2-D network sees
# them as images. `UnfoldSegments` takes them out again. The last layers have
# fixed names, `logits` and `predictions`, by which tests find them. A network
# that sees the order of the snippets says so (`ordered`): it is asked for whole
# clips, the other one snippet by snippet.


# %%
def network(name, over_time, ordered):
    spec = dataclasses.replace(clip, ordered=ordered)
    clips = keras.Input(shape, name="rgb_diff")
    x = layers.RGBDifference()(clips)
    x = layers.PixelNormalization(mean=0.0, std=64.0)(x)
    x = layers.FoldSegments()(x)
    for filters in (16, 32, 48):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = layers.UnfoldSegments()(x, clips)
    logits = over_time(x)
    scores = layers.ClassScores(
        clip_spec=spec, test_protocol=test, name="predictions"
    )
    return keras.Model(clips, scores(logits), name=name)


def average(x):
    """Each snippet has its scores; the consensus is their mean."""
    x = keras.layers.Dense(len(CLASSES), name="logits")(x)
    return layers.ConsensusLayer("avg", name="consensus")(x)


def in_order(x):
    """The features are read one after the other."""
    x = keras.layers.GRU(32)(x)
    return keras.layers.Dense(len(CLASSES), name="logits")(x)


networks = {
    "average": network("average", average, ordered=False),
    "in_order": network("in_order", in_order, ordered=True),
}
networks["average"].summary(line_length=76)

# %% [markdown]
# ## Training
#
# `clips` gives what `fit` wants. Both networks see the same clips.

# %%
tests = {}
for name, model in networks.items():
    train = keras_vidrec.clips("videos", model, batch_size=16)
    model.compile(
        keras.optimizers.Adam(0.003),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        train.dataset,
        steps_per_epoch=train.steps,
        epochs=12,
        shuffle=False,
        verbose=0,
    )
    recognizer = keras_vidrec.Recognizer(model)
    tests[name] = recognizer.evaluate("videos", verbose=False)
for name, tested in tests.items():
    print(f"{name:9} {100 * tested.figures['top_1']:5.1f} % of the test videos")

# %% [markdown]
# The two classes show the same two motions, one first and the other last. The
# mean over the snippets is the same for both, so the first network can do no
# better than guess (50 %); the second reads the snippets in their order.
#
# ## It is a network like any other
#
# It is saved, loaded, tested and exported as those of the papers are: the
# facts are in the file.

# %%
networks["in_order"].save("in_order.keras")
again = keras_vidrec.load("in_order.keras")
print(keras_vidrec.describe(again).clip_spec)

# %% [markdown]
# All layers stand in the [reference](../reference/layers.md), with the
# equations of the papers that they are of. For networks of papers there are
# builders: [`keras_vidrec.applications`](../reference/applications.md).
