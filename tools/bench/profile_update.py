"""Show where the time of one training update goes, and the floor under it.

    python tools/bench/profile_update.py [--size 256] [--row "johnson, bfloat16"]

The rows are those of update.py. The floor is the update's multiplications at the speed of a large matrix product in the same
precision: what convolutions could reach if everything else were free.
"""

import argparse
import time
from collections import defaultdict

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from update import ROWS, TIMED, WARM_UP, our_update, plain_update

from nstyle.models.memory import keep_freed_memory

PARTS = {
    "convolutions, backward": ("aten::convolution_backward",),
    "convolutions, forward": ("aten::mkldnn_convolution", "aten::thnn_conv2d", "aten::slow_conv2d_forward"),
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm"),
    "norms": ("aten::var_mean", "aten::native_batch_norm", "aten::native_batch_norm_backward", "aten::rsqrt"),
    "casts and copies": ("aten::copy_", "aten::cat", "aten::fill_", "aten::clone"),
    "ReLU": ("aten::relu", "aten::clamp_min", "aten::clamp_min_", "aten::threshold_backward"),
    "padding": ("aten::reflection_pad2d", "aten::reflection_pad2d_backward", "aten::replication_pad2d", "aten::replication_pad2d_backward"),
    "pooling": ("aten::max_pool2d_with_indices", "aten::max_pool2d_with_indices_backward"),
    "upsampling": ("aten::upsample_nearest2d", "aten::upsample_nearest2d_backward"),
    "optimizer": ("aten::_fused_adam_", "aten::_foreach_norm", "aten::_foreach_mul_"),
}
"""Operators by what they do; all others are arithmetic on single values and overhead."""
PRODUCT_SIDE = 2048


def peak_flops(dtype: torch.dtype) -> float:
    """Measure the speed of a large matrix product, in operations per second."""
    a, b = (torch.randn(PRODUCT_SIDE, PRODUCT_SIDE).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return float(2 * PRODUCT_SIDE**3 / min(seconds))


def main() -> None:
    """Profile one row of the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="crop side in pixels")
    parser.add_argument("--row", default="johnson, bfloat16", choices=[row.name for row in ROWS])
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(0)
    row = next(row for row in ROWS if row.name == arguments.row)
    update = plain_update(arguments.size) if row.plain else our_update(row, arguments.size)
    for _ in range(WARM_UP):
        update()
    start = time.perf_counter()
    for _ in range(TIMED):
        update()
    seconds = (time.perf_counter() - start) / TIMED
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        update()
    part_of = {operator: part for part, operators in PARTS.items() for operator in operators}
    times: dict[str, float] = defaultdict(float)
    for event in profiled.key_averages():
        times[part_of.get(event.key, "other arithmetic")] += event.self_cpu_time_total / 1e6
    total = sum(times.values())
    print(f"{row.name}, {arguments.size} px: {seconds:.3f} s per update, {total:.3f} s under the profiler")
    for part, value in sorted(times.items(), key=lambda item: -item[1]):
        print(f"{part:<24}{1000 * value:>8.0f} ms{value / total:>7.1%}")
    if not row.compile:
        with FlopCounterMode(display=False) as counter:
            update()
        flops, peak = counter.get_total_flops(), peak_flops(row.dtype)
        print(f"floor: {flops / 1e9:.0f} GFLOP at {peak / 1e9:.0f} GFLOP/s = {flops / peak:.3f} s")


if __name__ == "__main__":
    main()
