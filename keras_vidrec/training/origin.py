"""Makes the `Origin` of networks that are trained."""

from keras_vidrec.data import leaks
from keras_vidrec.data.clips import feature_reader
from keras_vidrec.specs import Origin
from keras_vidrec.specs import fingerprint
from keras_vidrec.training import environment

# Name of the parent of a continued run: its network before.
_CONTINUED = "continued after"


def of_training(data, started: Origin) -> Origin:
    """The `Origin` of a network before training, still without a fingerprint.

    Args:
        data: `Dataset` to train on.
        started: `Origin` of the network from `network.build`: the networks of
            its initial weights, and the layers with random weights.
    """
    source = data.source
    names = sorted(source.videos[index] for index in data.train)
    trained = source.origin(data.train)
    dataset = "features" if feature_reader.are_features(source) else "dataset"
    versions = environment.versions()
    return Origin(
        "network",
        videos=trained.videos,
        content=trained.content,
        split=data.recipe.data.split,
        training_list=fingerprint(names),
        trained_on=leaks.video_set(source, data.train),
        parents={dataset: source.origin(), **started.parents},
        versions={name: v for name, v in versions.items() if v is not None},
        decoder=trained.decoder,
        random=started.random,
    )


def continued(before: Origin, num_epochs: int) -> Origin:
    """The `Origin` of the network of a finished run that is continued.

    Args:
        before: `Origin` of the finished network.
        num_epochs: int. Epochs that it was trained for.
    """
    if before.fingerprint is None:  # an earlier, interrupted start wrote it
        return before
    earlier = {
        name: parent
        for name, parent in before.parents.items()
        if name.startswith(_CONTINUED)
    }
    parents = {k: v for k, v in before.parents.items() if k not in earlier}
    finished = before.replace(parents=earlier)
    return before.replace(
        fingerprint=None,
        parents={**parents, f"{_CONTINUED} {num_epochs} epochs": finished},
    ).without_repeats()


def check_same_networks(before, now, directory):
    """Raises an error if features were made by other networks than at the start
    of the run.

    Args:
        before: `Origin` of the run at its first start.
        now: `Origin` of the run now.
        directory: path of the features.

    Raises:
        ValueError: if they were; the message contains the stream.
    """
    made, makes = (_makers(origin) for origin in (before, now))
    for path, known in made.items():
        found = makes.get(path, known)
        if None not in (known, found) and known != found:
            raise ValueError(
                f"{directory} has been made again since the run started. "
                f"Expected features by the network {known} "
                f"({leaks.way(path)}), or another directory for a new run. "
                f"Received: by {found}"
            )


def _makers(origin):
    """Fingerprints of the networks that made the features of a training, by
    their path in the chain of origins."""
    return {
        path: one.fingerprint
        for path, one in origin.generations()
        if path[:1] == ("features",) and one.kind == "network"
    }
