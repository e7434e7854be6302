"""``nstyle add-style``."""

from typing import Annotated, Any

import typer

from nstyle.cli.arguments import Styles, out
from nstyle.cli.train import run_to_the_end
from nstyle.cli.training_options import settings, with_training_options
from nstyle.system.processes import joined
from nstyle.training.config import ADD_STYLE_UPDATES

EXAMPLES = """nstyle add-style default --styles new.jpg --content photos --out checkpoints/more
nstyle train --resume --out checkpoints/more"""


@with_training_options(
    without=("width", "grain", "init_from"),
    inherited="the model's",
    updates={"default_text": str(ADD_STYLE_UPDATES)},
    size={"default_text": "the model's"},
    style_size={"default_text": "the model's, or 1.5 x `size` if that is given"},
)
def add_style(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="default, slim, a model file or a run directory.")],
    out: Annotated[str, out("The run directory for the grown model.")],
    styles: Styles = None,
    **options: Any,
) -> None:
    """Append styles to a model, whose old styles stay exactly as they are.

    An interrupted run goes on with nstyle train --resume.
    """
    from nstyle.training.train import prepare_append

    chosen = settings({"styles": styles, **options})
    with joined() as group:
        run_to_the_end(prepare_append(model, chosen.pop("styles", ()), out=out, group=group, **chosen))
