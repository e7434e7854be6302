"""Time one training update: the plain recipe that everyone ships, and ours, in the same run.

    python tools/bench/update.py [--sizes 192,256] [--rounds 5] [--json FILE]

Weights are random: what they are does not change the time. Each row runs in a process of its own, which also gives its peak
memory; rounds alternate between the rows, and the median counts. "plain" is float32, NCHW, eager, Gram matrices by batched matmul under
autograd, and a VGG pass through all style layers for the content target too.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import JOHNSON, RELATIVE, Preset
from nstyle.models.transformer import TransformerNetwork
from nstyle.models.vgg import VGGFeatures, VGGWeights
from nstyle.training.trainer import parameter_groups, step_losses

NUM_STYLES = 8
BATCH = 4
WARM_UP, TIMED = 2, 3
"""Updates before the clock starts, and on the clock, per round."""


@dataclass(frozen=True)
class Row:
    """One way to train."""

    name: str
    preset: Preset
    dtype: torch.dtype
    compile: bool = False
    plain: bool = False


ROWS = (
    Row("plain recipe", JOHNSON, torch.float32, plain=True),
    Row("johnson, float32", JOHNSON, torch.float32),
    Row("johnson, bfloat16", JOHNSON, torch.bfloat16),
    Row("johnson, bfloat16, compiled", JOHNSON, torch.bfloat16, compile=True),
    Row("relative, float32", RELATIVE, torch.float32),
    Row("relative, bfloat16", RELATIVE, torch.bfloat16),
    Row("relative, bfloat16, compiled", RELATIVE, torch.bfloat16, compile=True),
)


def plain_gram(features: Tensor) -> Tensor:
    """Multiply as the tutorials do."""
    batch, channels, height, width = features.shape
    flat = features.reshape(batch, channels, height * width)
    return flat.bmm(flat.transpose(1, 2)) / (channels * height * width)


def plain_update(size: int) -> Callable[[], None]:
    """Build the plain recipe's update."""
    network = TransformerNetwork(NUM_STYLES)
    vgg = VGGFeatures(VGGWeights.random(), JOHNSON.style_layers).to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    targets = {name: plain_gram(value) for name, value in vgg(torch.rand(1, 3, size, size)).items()}
    mix = torch.eye(NUM_STYLES)[:1].expand(BATCH, -1)

    def update() -> None:
        photos = torch.rand(BATCH, 3, size, size)
        with torch.no_grad():
            content = vgg(photos)["relu2_2"]
        features = vgg(network(photos, mix))
        loss = JOHNSON.content_weight * torch.nn.functional.mse_loss(features["relu2_2"], content)
        for name, target in targets.items():
            loss = loss + JOHNSON.style_weight * torch.nn.functional.mse_loss(plain_gram(features[name]), target.expand(BATCH, -1, -1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return update


def our_update(row: Row, size: int) -> Callable[[], None]:
    """Build our update under one preset and precision."""
    network = TransformerNetwork(NUM_STYLES).to(memory_format=torch.channels_last)
    loss = PerceptualLoss(row.preset, VGGWeights.random(), dtype=row.dtype)
    optimizer = torch.optim.Adam(parameter_groups(network), 1e-3, fused=True)
    with torch.no_grad():
        targets = {term: value.expand(BATCH, -1, -1) for term, value in loss.style_grams(torch.rand(1, 3, size, size)).items()}
    mix = torch.eye(NUM_STYLES)[:1].expand(BATCH, -1)
    losses = torch.compile(step_losses) if row.compile else step_losses

    def update() -> None:
        photos = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
        total, _ = losses(network, loss, photos, mix, targets, torch.ones(BATCH), row.dtype)
        optimizer.zero_grad()
        total.mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()

    return update


def measure(row: Row, size: int) -> tuple[float, float]:
    """Return seconds per update and the peak memory of this process in GB."""
    torch.manual_seed(0)
    update = plain_update(size) if row.plain else our_update(row, size)
    for _ in range(WARM_UP):
        update()
    start = time.perf_counter()
    for _ in range(TIMED):
        update()
    seconds = (time.perf_counter() - start) / TIMED
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Measure every row at every size, in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="192,256", help="crop sides in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="write the figures to a file too")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        index, size = map(int, arguments.one.split(","))
        print(json.dumps(measure(ROWS[index], size)))
        return
    results: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for _ in range(arguments.rounds):
        for size in map(int, arguments.sizes.split(",")):
            for index, row in enumerate(ROWS):
                done = subprocess.run([sys.executable, __file__, "--one", f"{index},{size}"], capture_output=True, text=True, check=True)
                results.setdefault((size, row.name), []).append(tuple(json.loads(done.stdout.splitlines()[-1])))
    print(f"batch {BATCH}, {torch.get_num_threads()} threads, torch {torch.__version__}; median of {arguments.rounds} rounds")
    print(f"{'crop':>5}  {'recipe':<30}{'s/update':>9}{'x plain':>9}{'peak GB':>9}")
    table = []
    for (size, name), values in results.items():
        seconds, memory = (statistics.median(v[i] for v in values) for i in (0, 1))
        plain = statistics.median(v[0] for v in results[size, ROWS[0].name])
        table.append({"size": size, "recipe": name, "seconds": seconds, "speed_up": plain / seconds, "peak_gb": memory})
        print(f"{size:>5}  {name:<30}{seconds:>9.3f}{plain / seconds:>9.2f}{memory:>9.2f}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(table, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
