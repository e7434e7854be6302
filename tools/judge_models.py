"""Measure models with one judge: content, style and total loss per style under VGG16, on the same photographs.

    python tools/judge_models.py MODEL... --styles PAINTING... --photos FOLDER [--size 256] [--style-size 512]
    [--style-weight 10]

The preset is `relative` in float32, whatever the models were trained with. Paintings are matched with the models'
styles by name. VGG16 comes from --vgg or NSTYLE_VGG. Prints a table; the last line are means over styles.
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
from nstyle.losses.presets import RELATIVE
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model
from nstyle.system.memory import keep_freed_memory
from nstyle.training.validation import photo_losses


def judge(
    model: str, styles: list[StyleFile], loss: PerceptualLoss, photos: Tensor, targets: dict[str, Tensor]
) -> Tensor:
    """Return the content, style and total losses (styles, 3) of one model, as means over the photographs."""
    network, info = load_model(find_model(model))
    rows = [info.styles.index(style.name) for style in styles]
    return photo_losses(network.eval(), loss, photos, torch.eye(len(info.styles))[rows], targets, torch.float32).mean(
        dim=1
    )


def main() -> None:
    """Measure all models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--styles", nargs="+", required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--style-size", type=int, default=512)
    parser.add_argument("--style-weight", type=float, default=RELATIVE.style_weight)
    parser.add_argument("--vgg", default=None)
    arguments = parser.parse_args()
    keep_freed_memory()
    known = load_model(find_model(arguments.models[0]))[1].styles
    styles = [style for style in find_styles(arguments.styles) if style.name in known]
    loss = PerceptualLoss(RELATIVE.override(style_weight=arguments.style_weight), load_vgg_weights(arguments.vgg))
    targets = compute_targets(styles, loss, arguments.style_size, torch.device("cpu"))
    photos = center_crops(index_folder(arguments.photos), arguments.size)
    tables = [judge(model, styles, loss, photos, targets) for model in arguments.models]
    print("| style | " + " | ".join(f"{model}: content, style, total" for model in arguments.models) + " |")
    print("|---|" + "---|" * len(tables))
    for i, style in enumerate([*(style.name for style in styles), "mean"]):
        values = [table.mean(dim=0) if style == "mean" else table[i] for table in tables]
        print(
            f"| {style} | " + " | ".join(", ".join(f"{value:.3f}" for value in row.tolist()) for row in values) + " |"
        )


if __name__ == "__main__":
    main()
