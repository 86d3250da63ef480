import typer

from keras_vidrec.cli.terminal import echo
from keras_vidrec.cli.terminal import load_backend


def recipes(
    name: str = typer.Argument(None, help="Name of a recipe to print."),
):
    """List the recipes by paper, or print one."""
    load_backend()
    from keras_vidrec.training import recipes

    if name is not None:
        echo(recipes.text(name), nl=False)
        return
    echo(
        "Figures are those of the papers, not measured with this package. "
        "`vidrec recipes NAME` prints a recipe with the source of each "
        "value."
    )
    width = max(map(len, recipes.RECIPES))
    for paper, of_paper in recipes.PAPERS.items():
        echo(f"\n{paper}")
        for recipe in map(recipes.get, of_paper):
            echo(f"  {recipe.name:{width}}  {recipe.summary}")
            for figure in recipe.reported[:1]:
                echo(
                    f"  {'':{width}}  paper: {figure.accuracy} % on "
                    f"{figure.dataset} ({figure.source}; {figure.note})"
                )
