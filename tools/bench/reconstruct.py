"""Time an iteration of a style reconstruction against the bare VGG forward and backward pass.

    python tools/bench/reconstruct.py [--rounds 5]

The bare pass computes features at the layers, and the gradient of the picture from a gradient of ones at the deepest of
them. An iteration computes the same features, Gram losses, the gradient and the optimizer's step. Both run in the same
precision, at 256 px, in turns, and medians are printed. The weights are random, as speed does not depend on them.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from PIL import Image

from nstyle.encoders.fingerprint import built_in_picture
from nstyle.encoders.vgg import VGGWeights
from nstyle.reconstruction.config import ReconstructionConfig
from nstyle.reconstruction.engine import Reconstruction
from nstyle.reconstruction.layer_weights import parse_layers
from nstyle.reconstruction.pictures import Pictures
from nstyle.system.devices import choose_device
from nstyle.system.memory import keep_freed_memory

LAYERS = "relu1_1,relu2_1,relu3_1"
STEPS = 10
WARM_UP = 25
"""The number of iterations before timing: L-BFGS fills its memory, and searches longer at first."""


def milliseconds(step: Callable[[], object], device: torch.device) -> float:
    """Return the mean time of STEPS calls in milliseconds."""
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / STEPS * 1000


def make_steps(
    precision: str, optimizer: str, weights: VGGWeights
) -> tuple[Callable[[], object], Callable[[], object], torch.device]:
    """Return a bare step and an iteration, both warmed up."""
    picture = built_in_picture().resize((256, 256), Image.Resampling.BICUBIC)
    pictures = Pictures.read(styles=[picture])
    config = ReconstructionConfig(style_layers=parse_layers(LAYERS), precision=precision, optimizer=optimizer, size=256)  # type: ignore[arg-type]
    run = Reconstruction(config, pictures, weights)
    objective = run._objective()
    state = [run.image, objective.evaluate(run.image)]
    image = run.image.clone().requires_grad_()
    deepest = parse_layers(LAYERS).popitem()[0]

    def bare() -> None:
        feature = run.vgg(image)[deepest]
        torch.autograd.grad(feature, image, torch.ones_like(feature))

    def iteration() -> None:
        state[:] = run.optimizer.step(state[0], state[1], objective.evaluate)  # type: ignore[arg-type]

    bare()
    for _ in range(WARM_UP):
        iteration()
    return bare, iteration, run.device


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    keep_freed_memory()
    print(f"torch {torch.__version__}, {choose_device('auto')}, {torch.get_num_threads()} threads, {LAYERS}, 256 px")
    print("precision  optimizer  bare VGG ms  iteration ms  ratio")
    for precision in ("fp32", "bf16"):
        for optimizer in ("adam", "lbfgs"):
            bare, iteration, device = make_steps(precision, optimizer, VGGWeights.random())
            pairs = [(milliseconds(bare, device), milliseconds(iteration, device)) for _ in range(rounds)]
            bare_ms, iteration_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            print(f"{precision:9}  {optimizer:9}  {bare_ms:11.1f}  {iteration_ms:12.1f}  {ratio:5.2f}")


if __name__ == "__main__":
    main()
