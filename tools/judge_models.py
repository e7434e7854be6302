"""Measure models with one judge: content, style and total loss per style under VGG16, on the same photographs.

    python tools/judge_models.py MODEL... --styles PAINTING... --photos FOLDER [--preset relative relative-3]
    [--size 256] [--style-size 512] [--style-weight X]

Prints a table for every preset, whatever the models were trained with, so that an old model and a new one stand side by
side under the old yardstick and the new one; the last line are means over styles. Losses are computed in float32.
Every model paints as it does by default: with half of the grain that it was trained with. The content target is the
photograph without grain. Paintings are matched by name with the styles that all models have. VGG16 comes from --vgg or
NSTYLE_VGG.

Figures on the validation photographs flatter models whose settings were chosen by losses on them: say so beside them.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from nstyle.data.crops import center_crops
from nstyle.data.photos import index_folder
from nstyle.data.styles import StyleFile, compute_targets, find_styles
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import PRESETS, RELATIVE
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model, read_info
from nstyle.system.memory import keep_freed_memory
from nstyle.training.validation import photo_losses


def judge(
    model: str, styles: list[StyleFile], loss: PerceptualLoss, photos: Tensor, targets: dict[str, Tensor]
) -> Tensor:
    """Return the content, style and total losses (styles, 3) of one model, as means over the photographs."""
    network, info = load_model(find_model(model))
    mixes = torch.eye(len(info.styles))[[info.styles.index(style.name) for style in styles]]
    losses = photo_losses(network.eval(), loss, photos, mixes, targets, torch.float32, info.painting_grain)
    return losses.mean(dim=1)


def table(models: list[str], names: list[str], losses: list[Tensor]) -> str:
    """Format the losses (styles, 3) of every model as a table."""
    lines = ["| style | " + " | ".join(f"{model}: content, style, total" for model in models) + " |"]
    lines.append("|---|" + "---|" * len(models))
    for i, name in enumerate([*names, "mean"]):
        values = [row.mean(dim=0) if i == len(names) else row[i] for row in losses]
        cells = [", ".join(f"{value:.3f}" for value in row.tolist()) for row in values]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure all models and print a table for every preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--styles", nargs="+", required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--preset", nargs="+", choices=PRESETS, default=[RELATIVE.name])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--style-size", type=int, default=512)
    parser.add_argument("--style-weight", type=float, help="default: the preset's")
    parser.add_argument("--vgg", default=None)
    arguments = parser.parse_args()
    keep_freed_memory()
    known = set.intersection(*(set(read_info(find_model(model)).styles) for model in arguments.models))
    styles = [style for style in find_styles(arguments.styles) if style.name in known]
    weights = load_vgg_weights(arguments.vgg)
    photos = center_crops(index_folder(arguments.photos), arguments.size)
    for name in arguments.preset:
        loss = PerceptualLoss(PRESETS[name].override(style_weight=arguments.style_weight), weights)
        targets = compute_targets(styles, loss, arguments.style_size, torch.device("cpu"))
        losses = [judge(model, styles, loss, photos, targets) for model in arguments.models]
        print(f"\n{name}\n\n{table(arguments.models, [style.name for style in styles], losses)}", flush=True)


if __name__ == "__main__":
    main()
