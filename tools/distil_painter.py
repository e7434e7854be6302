"""Teach a narrow network to paint as a wide one does, from the wide one's pictures, which costs no VGG.

    python tools/distil_painter.py TEACHER OUT --photos FOLDER [--init-from MODEL] [--width 0.5] [--updates 1000]
    [--batch-size 8] [--size 192] [--lr 0.002] [--plain 0.2] [--seed 0]

Both see the same crops with the same grain, in the same style. The loss is the squared difference of their pictures
over the teacher's variance, at full, half and quarter size. Crops, plain areas, styles and the one-cycle rate are those
of `nstyle train`. Afterwards `nstyle train --init-from OUT` goes on with the perceptual loss.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from nstyle.data.crops import CropSampler
from nstyle.data.photos import index_folder
from nstyle.losses.functional import downsample
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model, save_model
from nstyle.models.style_names import match_style
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.system.files import whole_file
from nstyle.system.memory import keep_freed_memory
from nstyle.training.augmentation import Augmentation
from nstyle.training.precision import autocast
from nstyle.training.schedule import learning_rate
from nstyle.training.update import parameter_groups

logger = logging.getLogger(__name__)
SCALES = 3
"""The number of octaves on which pictures are compared."""
LEAST_VARIANCE = (4 / 255) ** 2
"""The variance that is added to the teacher's, so that a picture that is left plain does not outweigh the others."""
CLIP = 10.0
"""The largest norm of the gradient, as in training."""
REPORTED = 20
"""The number of updates between reports."""


def relative_difference(output: Tensor, target: Tensor) -> Tensor:
    """Average the squared difference of pictures (B, 3, H, W) over the target's variance, over all scales: a scalar."""
    terms = []
    for scale in range(SCALES):
        if scale:
            output, target = downsample(output), downsample(target)
        terms.append((output - target).square().mean(dim=(1, 2, 3)) / (target.var(dim=(1, 2, 3)) + LEAST_VARIANCE))
    return torch.stack(terms).mean()


def arguments_given() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("out", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--init-from", help="a narrow model to start from, instead of --width")
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--plain", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def learner_of(arguments: argparse.Namespace, styles: Sequence[str]) -> tuple[TransformerNetwork, int]:
    """Return the network to teach, with a row for every style, and the updates that it has had."""
    if arguments.init_from:
        network, info = load_model(find_model(arguments.init_from))
        rows = [info.styles.index(match_style(name, info.styles)) for name in styles]
        return network.select_styles(rows), info.updates
    torch.manual_seed(arguments.seed)
    return TransformerNetwork(len(styles), width=arguments.width), 0


def teach(
    learner: TransformerNetwork, teacher: TransformerNetwork, grain: float, arguments: argparse.Namespace
) -> None:
    """Take all updates, and log the loss."""
    device = next(learner.parameters()).device
    dtype = choose_dtype("auto", device)
    optimizer = torch.optim.Adam(parameter_groups(learner), fused=True)
    augmentation = Augmentation(grain, arguments.plain)
    photos = index_folder(arguments.photos)
    batches = CropSampler(photos, arguments.size, arguments.seed).batches(0, arguments.updates, arguments.batch_size)
    recent: list[Tensor] = []
    for update, batch in enumerate(batches):
        first = update * arguments.batch_size
        ids = torch.arange(first, first + arguments.batch_size, device=device) % teacher.num_styles
        mixes = F.one_hot(ids, teacher.num_styles).float()
        rate = learning_rate("one-cycle", update, peak=arguments.lr, updates=arguments.updates)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["lr_factor"]
        grainy = augmentation(batch.to(device)).grainy
        with autocast(device, dtype):
            with torch.no_grad():
                target = teacher(grainy, mixes).float()
            output = learner(grainy, mixes)
        loss = relative_difference(output.float(), target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        clip_grad_norm_(learner.parameters(), CLIP)
        optimizer.step()
        recent.append(loss.detach())
        if len(recent) == REPORTED:
            logger.info("update %d: %.4f", update + 1, float(torch.stack(recent).mean()))
            recent.clear()


def main() -> None:
    """Train, and write the narrow model."""
    arguments = arguments_given()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    device = choose_device("auto")
    teacher, info = load_model(find_model(arguments.teacher))
    with whole_file(arguments.out) as file:  # What cannot be written is known before the training.
        learner, had = learner_of(arguments, info.styles)
        learner = learner.train().to(memory_format=torch.channels_last).to(device)
        teach(learner, teacher.to(device), info.grain, arguments)
        updates = had + arguments.updates
        described = replace(
            info, width=learner.width, updates=updates, run_updates=0, size=arguments.size, created=time.time()
        )
        save_model(file, learner, described)


if __name__ == "__main__":
    main()
