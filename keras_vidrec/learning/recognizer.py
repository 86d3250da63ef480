"""The result: a run that holds the network that was chosen."""

import dataclasses

from keras_vidrec import export as exports
from keras_vidrec.applications.parts import model_file
from keras_vidrec.applications.parts.head import describe
from keras_vidrec.specs import files
from keras_vidrec.training import dataset as datasets
from keras_vidrec.training.recipes.data import Validation
from keras_vidrec.training.recipes.sections import Network
from keras_vidrec.training.run import Run
from keras_vidrec.training.run_videos import RunVideos

_EXPORTS = {
    "saved_model": exports.export_saved_model,
    "onnx": exports.export_onnx,
    "litert": exports.export_litert,
}


def make(place, model, recipe, *, summary, all_learned):
    """Writes the network as the `Run` that a workplace is.

    Args:
        place: `steps.Workplace`.
        model: keras.Model that sees videos.
        recipe: `Recipe` of the training that it came out of last.
        summary: str. What it is, for people.
        all_learned: bool. Whether the clips to choose by were learned from,
            too.

    Returns:
        `Run`.
    """
    run = Run(place.out)
    if run.model_file.is_file():
        noted = run.origin
        if noted is None or noted.fingerprint is None:  # killed just before
            run.note_origin(describe(run.load_model()).origin)
        return run
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
    # A directory with a recipe is a run, whatever else is there.
    files.write_text(run.recipe_file, recipe.to_yaml())
    run.claim(recipe, RunVideos.of(data), facts.origin)
    data.source.save()
    model_file.save(model, run.model_file)
    run.note_origin(describe(model).origin)
    return run


def export(place, run):
    """Exports the network of the result. Returns the path, or `None`."""
    kind = place.task.export
    if kind == "none":
        return None
    path = place.out / "export"
    if not path.exists():
        _EXPORTS[kind](
            run.load_model(), path, background=exports.Background.of(run.path)
        )
    return path
