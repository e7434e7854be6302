"""How many iterations of direct optimisation a network's pictures are worth (Johnson et al. 2016, figure 5).

    python tools/distance_to_optimum.py MODEL --photos FILE... --styles PAINTING... [--preset NAME] [--size 256]
    [--iterations 500] --output FOLDER

For every photograph and style the pixels of the photograph are optimised against the very loss that the model was
trained with, or that of --preset, by L-BFGS and by Adam, in float32 statistics. MODEL's picture of the photograph is
measured with the same loss; it is painted as by default, with half of the grain that MODEL was trained with. FOLDER
holds one JSON file per pair, which is kept on the next call (so take another one for another preset), and at the end a
table, `optimum.md`, and the curves, `optimum.png`. With --until-reached an optimiser stops as soon as it is as good as
the network: the table then lacks what it would have come to. VGG16 comes from NSTYLE_VGG.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nstyle.data.crops import center_crop
from nstyle.data.styles import StyleFile, compute_targets, find_styles
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.imaging.grain import with_grain
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import PRESETS, Preset
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model
from nstyle.models.style_names import match_style
from nstyle.reconstruction.config import OptimizerName
from nstyle.reconstruction.objective import Evaluation
from nstyle.reconstruction.optimizers import make_optimizer
from nstyle.reports.plots import line_plot
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.system.files import write_atomically
from nstyle.system.memory import keep_freed_memory

RATES: dict[OptimizerName, float] = {"lbfgs": 1.0, "adam": 0.02}
"""The learning rates. L-BFGS tries Newton's step first, and Adam changes a pixel by about 5 of 255 levels in a step."""


class Target:
    """The loss of pictures of one photograph in one style."""

    def __init__(self, loss: PerceptualLoss, photo: Tensor, style: dict[str, Tensor]) -> None:
        self.loss, self.style = loss, style
        self.content = loss.content_features(photo)

    def evaluate(self, picture: Tensor) -> Evaluation:
        """Compute the loss of a picture (1, 3, H, W) in [0, 1], and its gradient."""
        with torch.enable_grad():
            leaf = picture.detach().clone().requires_grad_()
            total = self.loss.total(self.loss(leaf, self.content, self.style)).sum()
            (gradient,) = torch.autograd.grad(total, leaf)
        return Evaluation(loss=float(total.detach()), terms={}, grad=gradient)


def descend(target: Target, photo: Tensor, name: OptimizerName, iterations: int, goal: float) -> list[float]:
    """Optimise from the photograph until the loss is ``goal``, and return the lowest loss so far after 0, 1, ...
    iterations."""
    optimizer = make_optimizer(name, RATES[name])
    picture, evaluation = photo, target.evaluate(photo)
    curve = [evaluation.loss]
    with torch.no_grad():
        for _ in range(iterations):
            picture, evaluation = optimizer.step(picture, evaluation, target.evaluate)
            curve.append(min(curve[-1], evaluation.loss))
            if curve[-1] <= goal:
                break
    return curve


def reached(curve: list[float], loss: float) -> int | None:
    """Return the number of iterations after which a curve is as low as ``loss``, or None if it never is."""
    return next((i for i, value in enumerate(curve) if value <= loss), None)


def measure(
    model: str,
    photo_path: Path,
    style: StyleFile,
    size: int,
    iterations: int,
    *,
    preset_name: str | None,
    until_reached: bool,
) -> dict[str, Any]:
    """Measure one pair of photograph and style."""
    network, info = load_model(find_model(model))
    network.eval()
    row = info.styles.index(match_style(style.name, info.styles))
    preset = PRESETS[preset_name] if preset_name else Preset.from_dict(info.preset)
    weights = load_vgg_weights()
    photo = center_crop(photo_path, size)[None]
    grams = compute_targets([style], PerceptualLoss(preset, weights), info.style_size, choose_device("cpu"))
    target = Target(PerceptualLoss(preset, weights, dtype=choose_dtype("auto", choose_device("cpu"))), photo, grams)
    with torch.inference_mode():
        painted = network(with_grain(photo, info.painting_grain), torch.eye(len(info.styles))[row : row + 1])
    result: dict[str, Any] = {
        "photo": photo_path.stem,
        "style": style.name,
        "size": size,
        "preset": preset.to_dict(),
        "network": target.evaluate(painted.clone()).loss,
    }
    for name in RATES:
        started = time.perf_counter()
        result[name] = descend(target, photo, name, iterations, result["network"] if until_reached else 0.0)
        result[f"{name}_seconds"] = time.perf_counter() - started
    return result


def table(results: list[dict[str, Any]], iterations: int) -> str:
    """Format the results as a table with one row per pair, and a line of medians."""
    lines = [
        "| photograph | style | photograph itself | network | L-BFGS, all | Adam, all | L-BFGS iterations | Adam "
        "iterations |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    worth: dict[str, list[int]] = {name: [] for name in RATES}
    for result in results:
        cells = [result["photo"], result["style"], f"{result['lbfgs'][0]:.3f}", f"{result['network']:.3f}"]
        cells += [f"{result[name][-1]:.3f}" if len(result[name]) > iterations else "" for name in RATES]
        for name in RATES:
            count = reached(result[name], result["network"])
            worth[name].append(len(result[name]) if count is None else count)
            cells.append(f"> {len(result[name]) - 1}" if count is None else str(count))
        lines.append("| " + " | ".join(cells) + " |")
    words = [
        f"{name}: median {statistics.median(counts):g}, {min(counts)} to {max(counts)}"
        for name, counts in worth.items()
    ]
    return "\n".join([*lines, "", "Iterations that the network's picture is worth: " + "; ".join(words)]) + "\n"


def main() -> None:
    """Measure all pairs, then write the table and the curves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--styles", nargs="+", required=True)
    parser.add_argument("--preset", choices=PRESETS, help="default: that of the model")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--until-reached", action="store_true")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    keep_freed_memory()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = []
    for photo in arguments.photos:
        for style in find_styles(arguments.styles):
            path = arguments.output / f"{photo.stem}_{style.name}.json"
            if not path.exists():
                found = measure(
                    arguments.model,
                    photo,
                    style,
                    arguments.size,
                    arguments.iterations,
                    preset_name=arguments.preset,
                    until_reached=arguments.until_reached,
                )
                write_atomically(path, json.dumps(found).encode())
            results.append(json.loads(path.read_text()))
            print(
                path,
                f"network {results[-1]['network']:.3f}",
                {name: reached(results[-1][name], results[-1]["network"]) for name in RATES},
                flush=True,
            )
    text = table(results, arguments.iterations)
    print(text)
    write_atomically(arguments.output / "optimum.md", text.encode())
    if arguments.until_reached:
        return
    relative = {name: [[value / result["network"] for value in result[name]] for result in results] for name in RATES}
    series = {
        name: [statistics.median(values) for values in zip(*curves, strict=True)] for name, curves in relative.items()
    }
    count = arguments.iterations + 1
    plot = line_plot(
        range(count), {**series, "network": [1.0] * count}, x_label="iterations", y_label="median loss / the network's"
    )
    write_atomically(arguments.output / "optimum.png", plot.png)


if __name__ == "__main__":
    main()
