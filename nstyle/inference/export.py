"""Write a model as a file that other programs paint with."""

from pathlib import Path

from nstyle.errors import UsageError
from nstyle.exports.runtime import require_onnx
from nstyle.inference.mix import Mix, Weights, weights_to_mix
from nstyle.models.locate import describe_model, find_model
from nstyle.models.model_info import read_info
from nstyle.system.files import write_atomically

EXTENSION = ".onnx"


def export(
    model: str | Path | None,
    out: str | Path,
    *,
    weights: Weights = None,
    half: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a model as an ONNX file of opset 17, which paints pictures of every size from 1x1 pixel on.

    Its inputs are ``image``, RGB (B, 3, H, W) float32 in [0, 1], and ``mix``, the weights of the styles (B, S) float32,
    which sum to 1. Its output is ``stylized``, like ``image``. B, H and W are free in every call. It paints what
    :meth:`nstyle.Stylizer.stylize` does with ``tiling="whole"`` and ``grain=0``, within 1e-3: the mirrored margin is
    inside. The metadata name the styles, the grain, the licence and more; see :func:`nstyle.exports.export.describe`.

    Before it is written, the file is run in ONNX Runtime in several sizes, and compared with the network.

    Args:
        model: The model; see :func:`nstyle.models.locate.find_model`. None for the newest run, else ``default``.
        out: The file to write, which ends in ``.onnx``.
        weights: The mix to fix, in any form that :meth:`nstyle.Stylizer.stylize` takes. The file then has no input
            ``mix``, and paints a little faster.
        half: Whether to store kernels and to convolve in float16, half the size, for the web. The norms stay in
            float32, and so do the inputs and the output. Differences are up to 0.03.
        overwrite: Whether to replace the file if it exists.

    Returns:
        The path of the file.

    Raises:
        UsageError: If the model, the weights or the file is not valid, or the extra ``onnx`` is not installed.
        NstyleError: If ONNX Runtime paints otherwise than the network, or the file cannot be written. Nothing is
            written then.
    """
    path, out = find_model(model), Path(out)
    if out.suffix.lower() != EXTENSION or out.is_dir():
        raise UsageError(f"`out` is {out}; expected a file ending in {EXTENSION}")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists; give `overwrite`, or another name")
    mix: Mix | None = None
    if weights is not None:
        mix = weights_to_mix(weights, read_info(path).styles, describe_model(path))
    require_onnx()

    from nstyle.exports.export import make_export
    from nstyle.models.model_file import load_model

    network, info = load_model(path)
    write_atomically(out, make_export(network, info, card=_card_of(path), mix=mix, half=half))
    return out


def _card_of(model: Path) -> str:
    """Return the model card beside a model file; empty if there is none."""
    card = model.with_suffix(".md")
    return card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
