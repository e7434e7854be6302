"""Time a training update, the plain recipe's and ours, by precision and way of execution, for few and many styles.

The johnson rows have the plain recipe's losses. The relative rows, the default, have their own losses and are compared
with it all the same. The plain recipe makes its photographs on the host, as is common; ours has them on the device, as
``nstyle train`` does.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import plain
import torch
from machine import name, synchronize
from rows import Bench, Row, Sample

from nstyle.encoders.lite import LiteWeights
from nstyle.encoders.vgg import VGGWeights
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import JOHNSON, RELATIVE, RELATIVE_3, Preset
from nstyle.models.transformer import TransformerNetwork
from nstyle.system.memory import keep_freed_memory, peak_memory, reset_peak_memory
from nstyle.training.captured import CapturedUpdate
from nstyle.training.update import StyleTable, Update, step_losses
from nstyle.training.ways import Way

SUBJECT = "train"
BATCH = 4
BATCHES = {"cuda": (4, 16)}
"""The numbers of photographs per update by device type; 4 on other devices."""
NUM_STYLES = 8
ON_GPU_STYLES = 16
"""The number of styles on a GPU, which is that of the samples in the largest batch."""
OTHER_STYLES = (1, 64)
WARM_UP = {"cuda": 10}
"""The number of updates before timing by device type; 2 on other devices."""
TIMED = {"cuda": 30}
"""The number of timed updates by device type; 3 on other devices."""
PAIRS = 5
"""The number of updates of each of two recipes that take turns in one process."""
WAYS: tuple[Way, ...] = ("eager", "compiled", "captured")


@dataclass(frozen=True)
class Recipe:
    """One way to train."""

    preset: Preset
    dtype: torch.dtype
    way: Way = "eager"
    """How the update is executed; ``captured`` is for CUDA only."""
    num_styles: int = NUM_STYLES
    batch: int = BATCH
    plain: bool = False
    lite: bool = False
    """Whether to train under our own small encoder instead of VGG16."""

    @property
    def name(self) -> str:
        """The name of the recipe's row in the table."""
        batch = f", batch {self.batch}" if self.batch != BATCH else ""
        if self.plain:
            return f"plain, {self.preset.name}{batch}"
        preset = f"{self.preset.name} under lite" if self.lite else self.preset.name
        return f"{preset}, {name(self.dtype)} {self.way}, n = {self.num_styles}{batch}"


PLAIN = Recipe(JOHNSON, torch.float32, plain=True)
ON_CPU = (
    PLAIN,
    Recipe(JOHNSON, torch.float32),
    Recipe(JOHNSON, torch.float32, "compiled"),
    Recipe(JOHNSON, torch.bfloat16),
    Recipe(JOHNSON, torch.bfloat16, "compiled"),
    *(Recipe(JOHNSON, torch.bfloat16, num_styles=count) for count in OTHER_STYLES),
    Recipe(RELATIVE, torch.bfloat16),
    Recipe(RELATIVE, torch.bfloat16, "compiled"),
    Recipe(RELATIVE, torch.bfloat16, lite=True),
)
ON_CUDA = (
    PLAIN,
    *(Recipe(RELATIVE, torch.bfloat16, way, num_styles=ON_GPU_STYLES) for way in reversed(WAYS)),
    Recipe(RELATIVE_3, torch.bfloat16),
    Recipe(JOHNSON, torch.bfloat16),
    Recipe(JOHNSON, torch.float32),
)
"""The recipes on CUDA, the most interesting first, as a rented card may be gone before the last."""


def recipes(device: torch.device) -> list[Recipe]:
    """List the recipes that are measured on a device, each with every batch size."""
    listed = ON_CUDA if device.type == "cuda" else ON_CPU
    return [replace(recipe, batch=batch) for recipe in listed for batch in BATCHES.get(device.type, (BATCH,))]


def rows(bench: Bench) -> list[Row]:
    """List the rows of the recipes; the quick bench leaves out compiled and captured ones."""
    return [
        Row(
            subject=SUBJECT,
            name=recipe.name,
            measure=partial(_measure, recipe, bench),
            updates=1,
            images=recipe.batch,
            pixels=recipe.batch * bench.crop**2,
            flop=None if recipe.lite else plain.update_flop(recipe.preset) * recipe.batch * bench.crop**2,
            dtype=recipe.dtype,
            baseline=replace(PLAIN, batch=recipe.batch).name,
        )
        for recipe in recipes(torch.device(bench.device))
        if not (bench.quick and recipe.way != "eager")
    ]


def make_update(recipe: Recipe, size: int, device: torch.device) -> Callable[[], object]:
    """Build the update of a recipe, plain or ours, on crops of a given size."""
    if recipe.plain:
        return plain.make_update(
            recipe.preset, num_styles=recipe.num_styles, batch=recipe.batch, size=size, device=device
        )
    return our_update(recipe, size, device)


def our_update(recipe: Recipe, size: int, device: torch.device) -> Callable[[], object]:
    """Build the update of ``nstyle train`` for a recipe on random photographs on the device, and keep freed memory as
    ``nstyle train`` does."""
    keep_freed_memory()
    photos = torch.randint(0, 256, (recipe.batch, 3, size, size), dtype=torch.uint8, device=device)
    ids_B = torch.arange(recipe.batch, device=device) % recipe.num_styles
    update = our_work(recipe, size, device)
    if recipe.way == "eager":
        return partial(update.take, step_losses, photos, ids_B)
    take = partial(update.take, torch.compile(step_losses, dynamic=False))
    if recipe.way == "compiled":
        return partial(take, photos, ids_B)
    with update.undone():
        captured = CapturedUpdate(take, photos, ids_B)
    return partial(captured, photos, ids_B)


def our_work(recipe: Recipe, size: int, device: torch.device) -> Update:
    """Build the network, loss and optimizer of a recipe, with random pictures instead of paintings."""
    network = TransformerNetwork(recipe.num_styles).to(device).to(memory_format=torch.channels_last)
    weights = LiteWeights.random() if recipe.lite else VGGWeights.random()
    loss = PerceptualLoss(recipe.preset, weights, dtype=recipe.dtype).to(device)
    count = min(recipe.num_styles, recipe.batch)
    with torch.no_grad():
        targets = loss.style_targets(torch.rand(count, 3, size, size, device=device))
    styles = StyleTable(torch.eye(recipe.num_styles, device=device)[:count], targets, torch.ones(count, device=device))
    update = Update(network, loss, styles, clip=10.0, dtype=recipe.dtype, device=device)
    update.set_rate(1e-3)
    return update


def _measure(recipe: Recipe, bench: Bench) -> Sample:
    torch.manual_seed(0)
    device = torch.device(bench.device)
    update = make_update(recipe, bench.crop, device)
    timed = 1 if bench.quick else TIMED.get(device.type, 3)
    time_updates(update, WARM_UP.get(device.type, 2), device)
    reset_peak_memory(device)
    seconds = time_updates(update, timed, device)
    peak = peak_memory(device)
    ratio = _over_one_style(recipe, update, bench, device) if recipe.num_styles in OTHER_STYLES[1:] else None
    return Sample(seconds=seconds, peak_bytes=peak, over_one_style=ratio)


def _over_one_style(recipe: Recipe, update: Callable[[], object], bench: Bench, device: torch.device) -> float:
    """Return the time of an update divided by that for one style. The two take turns, and medians are compared."""
    single = our_update(replace(recipe, num_styles=1), bench.crop, device)
    time_updates(single, WARM_UP.get(device.type, 2), device)
    pairs = [
        (time_updates(update, 1, device), time_updates(single, 1, device)) for _ in range(1 if bench.quick else PAIRS)
    ]
    many, one = (statistics.median(column) for column in zip(*pairs, strict=True))
    return float(many / one)


def time_updates(update: Callable[[], object], count: int, device: torch.device) -> float:
    """Return the mean seconds of ``count`` updates."""
    synchronize(device)
    started = time.perf_counter()
    for _ in range(count):
        update()
    synchronize(device)
    return (time.perf_counter() - started) / count
