# %% [markdown]
# # Reproduce a table
#
# Each row of the papers' tables is a recipe with some changes. `vidrec
# reproduce` plans them, trains what figures have in common once, tests, and
# writes the table with the printed figures beside its own.
#
# On UCF101 that takes days. `--tiny` rehearses it in minutes, on generated
# videos of four classes and with tiny networks: all steps, and figures that
# mean nothing.

# %%
import pathlib

from IPython.display import Markdown

from keras_vidrec.cli.main import app


def vidrec(command):
    """Runs a command in this process, as a terminal would."""
    app(command.split(), standalone_mode=False)


# %% [markdown]
# ## The plan
#
# Table 1 of Temporal Segment Networks has twelve figures. In the rehearsal,
# where nothing starts from ImageNet, many of them are of one training.

# %%
vidrec("reproduce tsn --table 1 --tiny --plan")

# %% [markdown]
# ## One row

# %%
vidrec("reproduce tsn --table 1 --row Scratch --tiny --out tables")

# %% [markdown]
# ## The table
#
# Figures of the paper are told as the paper's, and a dash is what has not been
# made. Figures of other rows that are of the same trainings have come with
# them. The same command goes on after an interruption, and makes nothing twice.

# %%
tables = pathlib.Path("tables/tsn.md").read_text()
_, table, _ = tables.split("## Table", 2)
Markdown(table.partition("\n")[2])

# %% [markdown]
# With videos at hand it is
#
# ```sh
# vidrec reproduce tsn --table 1 --data ucf101=UCF-101 \
#     --splits ucf101=ucfTrainTestlist --out tables
# ```
#
# [The papers](../papers/index.md) tell what of each is here, and
# [Results](../results.md) what has been measured.
