"""Writes the result of learning: a run with the chosen network."""

import dataclasses
import pathlib

from keras_vidrec import export as exports
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import files
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.recipes.data import Validation
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos


def make(place, model, recipe, *, summary, all_learned):
    """Writes the chosen network into the directory of the task, as a `Run`. If
    it has been written before, it is kept.

    Args:
        place: `steps.Workplace`.
        model: keras.Model whose input is videos.
        recipe: `Recipe` of its last training.
        summary: str. What the network is, for the user.
        all_learned: bool. Whether it was also trained on the validation clips.

    Returns:
        `Run`.
    """
    run = Run(place.out)
    if run.model_file.is_file():
        return run
    model_file.sign(model)
    facts = describe(model)
    arguments = dict(facts.blueprint.arguments)
    dropout = arguments.pop("dropout", None)
    listed = place.learned_list if all_learned else place.videos_list
    spec = facts.clip_spec
    recipe = dataclasses.replace(
        recipe.with_data(directory=place.task.videos, list=listed.absolute()),
        name="learn",
        summary=summary,
        network=Network(
            facts.blueprint.application,
            arguments,
            head_dropout=dropout,
        ),
        clip={**recipe.clip, "flow": spec.flow.to_dict()},
        validation=Validation(listed=not all_learned),
        test=facts.test_protocol,
    )
    data = datasets.load(recipe, spec)
    # The recipe makes the directory a run.
    files.write_text(run.recipe_file, recipe.to_yaml())
    run.claim(recipe, RunVideos.of(data), facts.origin)
    data.source.save()
    model_file.save(model, run.model_file)
    return run


def export(place, run) -> pathlib.Path | None:
    """Exports the network of a run if the task says so, unless it has been
    exported before. Returns the path of the export, or `None`."""
    kind = place.task.export
    if kind == "none":
        return None
    path = place.out / "export"
    if not path.exists():
        background = exports.Background.of(run.path)
        exports.checked_form(kind).write(run.load_model(), path, background)
    return path
