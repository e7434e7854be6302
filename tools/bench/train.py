"""A training update: the plain recipe and ours, by precision, eager and compiled, for few and many styles.

The johnson rows have the plain recipe's losses. The relative rows, the default, have their own and are compared with it all the same.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import plain
import torch
from machine import name, synchronize
from rows import Bench, Row, Sample

from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import JOHNSON, RELATIVE, Preset
from nstyle.models.lite import LiteWeights
from nstyle.models.memory import keep_freed_memory, peak_memory, reset_peak_memory
from nstyle.models.transformer import TransformerNetwork
from nstyle.models.vgg import VGGWeights
from nstyle.training.trainer import parameter_groups, step_losses

SUBJECT = "train"
BATCH = 4
NUM_STYLES = 8
OTHER_STYLES = (1, 64)
WARM_UP = 2
"""Updates before the clock starts."""
TIMED = {"cuda": 30}
"""Updates on the clock by device; 3 elsewhere."""
PAIRS = 5
"""Updates of each of two recipes that take turns in one process."""


@dataclass(frozen=True)
class Recipe:
    """One way to train."""

    preset: Preset
    dtype: torch.dtype
    compile: bool = False
    num_styles: int = NUM_STYLES
    plain: bool = False
    lite: bool = False
    """Under our own small encoder instead of VGG16."""

    @property
    def name(self) -> str:
        """Say it in words."""
        if self.plain:
            return f"plain, {self.preset.name}"
        how = "compiled" if self.compile else "eager"
        preset = f"{self.preset.name} under lite" if self.lite else self.preset.name
        return f"{preset}, {name(self.dtype)} {how}, n = {self.num_styles}"


PLAIN = Recipe(JOHNSON, torch.float32, plain=True)
RECIPES = (
    PLAIN,
    Recipe(JOHNSON, torch.float32),
    Recipe(JOHNSON, torch.float32, compile=True),
    Recipe(JOHNSON, torch.bfloat16),
    Recipe(JOHNSON, torch.bfloat16, compile=True),
    *(Recipe(JOHNSON, torch.bfloat16, num_styles=count) for count in OTHER_STYLES),
    Recipe(RELATIVE, torch.bfloat16),
    Recipe(RELATIVE, torch.bfloat16, compile=True),
    Recipe(RELATIVE, torch.bfloat16, lite=True),
)


def rows(bench: Bench) -> list[Row]:
    """List the recipes; the quick bench compiles nothing."""
    return [
        Row(
            subject=SUBJECT,
            name=recipe.name,
            measure=partial(_measure, recipe, bench),
            updates=1,
            images=BATCH,
            pixels=BATCH * bench.crop**2,
            flop=None if recipe.lite else plain.update_flop(recipe.preset) * BATCH * bench.crop**2,
            dtype=recipe.dtype,
            baseline=PLAIN.name,
        )
        for recipe in RECIPES
        if not (bench.quick and recipe.compile)
    ]


def our_update(recipe: Recipe, size: int, device: torch.device) -> Callable[[], None]:
    """Build the update of ``nstyle train`` under one recipe, on random photographs, and keep freed memory as it does."""
    keep_freed_memory()
    network = TransformerNetwork(recipe.num_styles).to(device).to(memory_format=torch.channels_last)
    weights = LiteWeights.random() if recipe.lite else VGGWeights.random()
    loss = PerceptualLoss(recipe.preset, weights, dtype=recipe.dtype).to(device)
    optimizer = torch.optim.Adam(parameter_groups(network), 1e-3, fused=device.type in {"cpu", "cuda"})
    with torch.no_grad():
        painting = torch.rand(1, 3, size, size, device=device)
        targets = {term: value.expand(BATCH, -1, -1) for term, value in loss.style_grams(painting).items()}
    mix = torch.eye(recipe.num_styles, device=device)[:1].expand(BATCH, -1)
    factor = torch.ones(BATCH, device=device)
    losses = torch.compile(step_losses) if recipe.compile else step_losses

    def update() -> None:
        photos = torch.rand(BATCH, 3, size, size).to(device).contiguous(memory_format=torch.channels_last)
        total, _ = losses(network, loss, photos, mix, targets, factor, recipe.dtype)
        optimizer.zero_grad()
        total.mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()

    return update


def _measure(recipe: Recipe, bench: Bench) -> Sample:
    torch.manual_seed(0)
    device = torch.device(bench.device)
    if recipe.plain:
        update = plain.make_update(recipe.preset, num_styles=recipe.num_styles, batch=BATCH, size=bench.crop, device=device)
    else:
        update = our_update(recipe, bench.crop, device)
    timed = 1 if bench.quick else TIMED.get(device.type, 3)
    _seconds(update, WARM_UP, device)
    reset_peak_memory(device)
    seconds = _seconds(update, timed, device) / timed
    peak = peak_memory(device)
    ratio = _over_one_style(recipe, update, bench, device) if recipe.num_styles > NUM_STYLES else None
    return Sample(seconds=seconds, peak_bytes=peak, over_one_style=ratio)


def _over_one_style(recipe: Recipe, update: Callable[[], None], bench: Bench, device: torch.device) -> float:
    """Return the time of an update over that for one style: the two take turns, and the medians count."""
    single = our_update(Recipe(recipe.preset, recipe.dtype, recipe.compile, num_styles=1), bench.crop, device)
    _seconds(single, WARM_UP, device)
    pairs = [(_seconds(update, 1, device), _seconds(single, 1, device)) for _ in range(1 if bench.quick else PAIRS)]
    many, one = (statistics.median(column) for column in zip(*pairs, strict=True))
    return float(many / one)


def _seconds(update: Callable[[], None], count: int, device: torch.device) -> float:
    synchronize(device)
    started = time.perf_counter()
    for _ in range(count):
        update()
    synchronize(device)
    return time.perf_counter() - started
