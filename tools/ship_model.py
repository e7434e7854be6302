"""Write a run's model in half precision, as it is shipped.

python tools/ship_model.py RUN checkpoints/default.safetensors [--leave-out STYLE...] [--keep-targets]
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from nstyle.losses.packed_targets import select_rows
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model, load_targets, save_model
from nstyle.models.style_names import match_style


def main() -> None:
    """Read the arguments and convert the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("output", type=Path)
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="STYLE", help="styles that are not shipped")
    parser.add_argument("--keep-targets", action="store_true", help="ship the style targets of the model's file too")
    arguments = parser.parse_args()
    path = find_model(arguments.run)
    network, info = load_model(path)
    left_out = [match_style(name, info.styles) for name in arguments.leave_out]
    kept = [name for name in info.styles if name not in left_out]
    rows = [info.styles.index(name) for name in kept]
    network = network.select_styles(rows)
    targets = select_rows(load_targets(path), rows) if arguments.keep_targets else None
    if info.target_bytes and targets is None:
        print(f"the style targets, {info.target_bytes / 1e6:.1f} MB, are left out; --keep-targets ships them")
    info = replace(info, styles=tuple(kept))
    save_model(arguments.output, network, info, dtype=torch.float16, targets=targets)
    print(
        f"{arguments.output}: {len(info.styles)} styles, {info.updates} updates, "
        f"{arguments.output.stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
