"""Show where the time of one training update goes, kernel by kernel.

    python tools/bench/profile_update.py [--device auto] [--recipe NAME ...] [--crop 256] [--top 15] [--json FILE]

Recipes are called as in the table of ``python tools/bench``. On a GPU kernels are counted, and what they take together
is held against the wall time of an update that nobody watches: the rest is waiting for the processor. Elsewhere
operators are counted by their own time.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from train import TIMED, WARM_UP, Recipe, make_update, recipes, time_updates

from nstyle.system.devices import choose_device

PROFILED = 5
"""The number of profiled updates."""
GROUPS = (
    ("reductions and norms", r"^triton_(red|per)"),
    ("elementwise", r"^triton_poi"),
    ("optimizer", r"adam|multi_tensor_apply|lpnorm|foreach_norm|clip_grad"),
    (
        "copies and casts",
        r"memcpy|memset|copy|fill|convertTensor|nchwToNhwc|nhwcToNchw|CatArrayBatched|aten::(cat|clone)",
    ),
    ("convolutions", r"conv|fprop|dgrad|wgrad|cudnn|xmma|implicit_gemm"),
    ("matrix products", r"gemm|cutlass|cublas|nvjet|aten::(b?mm|addmm|baddbmm)|^triton_(tem|mm|bmm)|gram"),
    ("reductions and norms", r"reduce|var_mean|norm|welford|aten::(sum|mean|rsqrt)"),
    ("padding, pooling, upsampling", r"pad2d|reflection|pool|upsample"),
    ("elementwise", r"elementwise|aten::(relu|clamp|threshold|mul|add|sub|div|sigmoid|pow)"),
)
"""The groups of kernels, by the first pattern that matches their names, ignoring case. Other kernels are "the rest"."""


@dataclass(frozen=True)
class Kernel:
    """A kernel, or an operator if there is no GPU."""

    name: str
    milliseconds: float
    """The time of all its calls in an update."""
    calls: float
    """The number of calls in an update."""

    @property
    def group(self) -> str:
        """The group of the kernel."""
        return next((group for group, pattern in GROUPS if re.search(pattern, self.name, re.IGNORECASE)), "the rest")


def kernels(update: Callable[[], object], device: torch.device) -> list[Kernel]:
    """Profile updates and list the kernels that ran, the longest first."""
    on_gpu = device.type == "cuda"
    count = PROFILED if on_gpu else 1
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiled:
        time_updates(update, count, device)
    found: dict[str, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
    for event in profiled.events() or []:
        if (
            (event.device_type == DeviceType.CUDA) != on_gpu
            or getattr(event, "is_user_annotation", False)
            or event.name.startswith("Profiler")
        ):
            continue
        seconds, calls = found[event.name]
        microseconds = event.time_range.elapsed_us() if on_gpu else event.self_cpu_time_total
        found[event.name] = seconds + microseconds / 1e6, calls + 1
    listed = [Kernel(name, 1000 * seconds / count, calls / count) for name, (seconds, calls) in found.items()]
    return sorted(listed, key=lambda kernel: -kernel.milliseconds)


def grouped(listed: list[Kernel]) -> dict[str, tuple[float, float]]:
    """Sum up milliseconds and calls of an update by group, the longest first."""
    groups: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for kernel in listed:
        milliseconds, calls = groups[kernel.group]
        groups[kernel.group] = milliseconds + kernel.milliseconds, calls + kernel.calls
    return dict(sorted(groups.items(), key=lambda item: -item[1][0]))


def measure(recipe: Recipe, crop: int, device: torch.device) -> tuple[list[Kernel], str]:
    """Profile a recipe. The returned sentence states the share of the time that the kernels take."""
    torch.manual_seed(0)
    update = make_update(recipe, crop, device)
    time_updates(update, WARM_UP.get(device.type, 2), device)
    wall = 1000 * time_updates(update, TIMED.get(device.type, 3), device)
    listed = kernels(update, device)
    total = sum(kernel.milliseconds for kernel in listed)
    what = "kernels" if device.type == "cuda" else "operators"
    calls = round(sum(kernel.calls for kernel in listed))
    return (
        listed,
        f"{recipe.name}: {calls:,} {what} take {total:.2f} ms of the {wall:.2f} ms of an update ({total / wall:.0%})",
    )


def default_names(known: dict[str, Recipe]) -> list[str]:
    """Return the names of the recipes that are profiled by default: the deepest loss and the largest batch, eager and,
    if available, captured."""
    ours = [recipe for recipe in known.values() if not recipe.plain and not recipe.lite]
    deepest = max(ours, key=lambda recipe: (len(recipe.preset.style_layers) * recipe.preset.style_scales, recipe.batch))
    return [replace(deepest, way=way).name for way in ("eager", "captured") if replace(deepest, way=way).name in known]


def show(listed: list[Kernel], sentence: str, top: int) -> None:
    """Print the sentence, the groups and the longest kernels."""
    total = sum(kernel.milliseconds for kernel in listed)
    print(f"\n{sentence}\n")
    for group, (milliseconds, calls) in grouped(listed).items():
        print(f"  {group:<30}{milliseconds:>9.2f} ms{milliseconds / total:>7.1%}{calls:>8.0f} calls")
    print()
    for kernel in listed[:top]:
        print(
            f"  {kernel.milliseconds:>9.2f} ms{kernel.milliseconds / total:>7.1%}{kernel.calls:>7.0f} calls  "
            f"{kernel.name[:100]}"
        )


def main() -> None:
    """Profile recipes of the bench."""
    parser = argparse.ArgumentParser(
        prog="profile_update.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--recipe", nargs="+", metavar="NAME", help="[ours of the largest batch, eager and captured]")
    parser.add_argument("--crop", type=int, default=256, help="side of the training crops in pixels")
    parser.add_argument("--top", type=int, default=15, help="kernels to list")
    parser.add_argument("--json", type=Path, help="write the figures to a file too")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    known = {recipe.name: recipe for recipe in recipes(device)}
    chosen = arguments.recipe or default_names(known)
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"--recipe names '{unknown[0]}'; expected some of: {'; '.join(known)}")
    report = []
    for name in chosen:
        listed, sentence = measure(known[name], arguments.crop, device)
        show(listed, sentence, arguments.top)
        report.append(
            {
                "sentence": sentence,
                "groups": grouped(listed),
                "kernels": [asdict(kernel) for kernel in listed[: arguments.top]],
            }
        )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(report, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
