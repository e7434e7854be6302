"""Write a run's model in half precision, as it is shipped.

python tools/ship_model.py RUN checkpoints/default.safetensors
"""

import argparse
from pathlib import Path

import torch

from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model, save_model


def main() -> None:
    """Read the arguments and convert."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    network, info = load_model(find_model(arguments.run))
    save_model(arguments.output, network, info, dtype=torch.float16)
    print(f"{arguments.output}: {len(info.styles)} styles, {info.updates} updates, {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
