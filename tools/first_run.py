"""The first minutes with nstyle, as README's first command runs them: paint, then really train, and paint with the result.

    python tools/first_run.py [--updates N] [--output FOLDER]

Photographs come from scikit-image (the `demo` extra), styles from data/styles.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image
from torchvision.models import VGG16_Weights

ROOT = Path(__file__).parents[1]
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")


def write_photographs(folder: Path) -> list[Path]:
    """Write scikit-image's sample photographs as JPEG files."""
    from skimage import data

    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.jpg" for name in PHOTOGRAPHS]
    for path in paths:
        Image.fromarray(getattr(data, path.stem)()).save(path, quality=95)
    return paths


def vgg_weights_are_here() -> bool:
    """Tell whether training can start without a download of 528 MB: NSTYLE_VGG, or torch's cache."""
    cached = Path(torch.hub.get_dir()) / "checkpoints" / VGG16_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    return bool(os.environ.get("NSTYLE_VGG")) or cached.is_file()


def nstyle(*arguments: object) -> None:
    """Run a command of nstyle, and show it as one would type it."""
    print("\n$ nstyle", *arguments, flush=True)
    done = subprocess.run([Path(sys.executable).with_name("nstyle"), *map(str, arguments)], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def main() -> None:
    """Paint with the shipped model; train two styles where VGG weights are at hand, and paint with them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=120, help="updates of the short training run (default: 120)")
    parser.add_argument("--output", type=Path, default=Path("output"), help="where everything goes (default: output)")
    arguments = parser.parse_args()
    output = arguments.output
    photo = write_photographs(output / "photographs")[0]
    painted = ("--output", output / "painted", "--overwrite")
    nstyle("stylize", photo, "--model", "default", "--styles", "starry-night,great-wave", "--weights", "0.5,0.5", *painted)
    nstyle("stylize", photo, "--model", "default", "--all", *painted)
    if not vgg_weights_are_here():
        print("\nNo VGG weights are at hand, so nothing is trained here. `nstyle train` downloads them (528 MB) on first use;")
        print("or name a file of them in the environment variable NSTYLE_VGG and run this again.")
        return
    run = output / f"first-run-{arguments.updates}"
    if run.exists():
        print(f"\n{run} is there already: it is not trained again")
    else:
        styles = [ROOT / "data" / "styles" / name for name in ("mosaic.jpg", "waves.jpg")]
        quick = ("--size", 128, "--style-size", 256, "--schedule", "round-robin-batch", "--updates", arguments.updates)
        nstyle("train", "--styles", *styles, "--content", output / "photographs", *quick, "--out", run)
    nstyle("stylize", photo, "--model", run, "--weights", "0.5,0.5", "--size", 384, *painted)
    print(f"\nThe pictures are in {output / 'painted'}.")


if __name__ == "__main__":
    main()
