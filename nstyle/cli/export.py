"""``nstyle export``."""

from typing import Annotated

import typer

from nstyle.cli.arguments import out as out_option

EXAMPLES = """nstyle export default -o nstyle.onnx
nstyle export slim -o scream.onnx --weights scream=1 --half"""


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="default, slim, a model file or a run directory.")],
    out: Annotated[str, out_option("The file to write, which ends in .onnx.", metavar="FILE")],
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="W,W|NAME=W,...", help="Fix a mix, by position or by name: the file then has no input for it."
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store and convolve in float16, for the web: half the size.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a model as an ONNX file (opset 17), to be painted with outside of Python and without torch.

    Inputs: image (B, 3, H, W) in [0, 1], mix (B, S). Output: stylized. Every size and number of pictures goes.
    The file is run and compared with the network before it is written.
    """
    from nstyle.inference.export import export as write_export
    from nstyle.inference.mix import parse_weights

    path = write_export(
        model, out, weights=parse_weights(weights) if weights is not None else None, half=half, overwrite=overwrite
    )
    typer.echo(f"{path}  ({path.stat().st_size / 1e6:.2f} MB)", err=True)
