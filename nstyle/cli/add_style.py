"""``nstyle add-style``."""

from typing import Annotated, Any

import typer

from nstyle.cli.train import run_to_the_end
from nstyle.cli.training_options import given, with_training_options
from nstyle.system.processes import joined


@with_training_options(without=("width",))
def add_style(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="default, a model file or a run directory.")],
    styles: Annotated[
        list[str], typer.Option(metavar="FILE...", help="Paintings, a quoted pattern or a folder. The order is kept.")
    ],
    out: Annotated[str, typer.Option(help="Run directory for the grown model.")],
    **options: Any,
) -> None:
    """Append styles to a model; the old ones stay exactly as they are: nstyle add-style default --styles new.jpg --out
    checkpoints/more

    Loss, crop and style size default to what the model was trained with. Continue an interrupted run with: nstyle train
    --resume --out DIR
    """
    from nstyle.training.train import prepare_append

    with joined() as group:
        run_to_the_end(prepare_append(model, styles, out=out, group=group, **given(options)))
