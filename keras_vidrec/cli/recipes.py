import typer

from keras_vidrec.cli.startup import load_backend


def recipes(
    name: str = typer.Argument(None, help="Print this recipe as YAML."),
):
    """List the recipes, or print one."""
    load_backend()
    from keras_vidrec.training import recipes

    if name is not None:
        typer.echo(recipes.get(name).to_yaml(), nl=False)
        return
    for recipe in recipes.RECIPES.values():
        typer.echo(f"{recipe.name:26} {recipe.summary}")
        for figure in recipe.reported:
            typer.echo(
                f"{'':26} paper: {figure.accuracy} % on {figure.dataset} "
                f"({figure.source}; {figure.note})"
            )
