"""Repeat the experiments of the sources behind docs/reconstruction.md, and make its pictures.

    python tools/reconstruction_experiments.py PAINTING [--second PAINTING] [--out experiments] [--only NAME ...]
    [--pictures docs/images]

PAINTING is Van Gogh's Starry Night there, the second one Hokusai's Great Wave. Photographs are scikit-image's. Needs
VGG16 through relu3_3 in ``NSTYLE_VGG``; about an hour on two CPU cores. What is done already is kept. Pictures of MMD
and content are made of scikit-image's photographs only: they are near copies.
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path

from PIL import Image
from skimage import data

from nstyle.imaging.layout import contact_sheet
from nstyle.imaging.pictures import encode, read_picture
from nstyle.reconstruction.report import write_report
from nstyle.system.files import write_atomically

FEATURES_OVER_255 = ["--feature-scale", "0.00392156862745098"]
LBFGS = ["--iterations", "300", "--patience", "0"]
CONTENT, STYLE = ["--content-layers", "relu3_3"], ["--style-layers", "relu1_1,relu2_1,relu3_1"]
TRANSFER = [*CONTENT, *STYLE, "--iterations", "150"]


def experiments(painting: str, second: str | None, photo: str, ladder_photo: str) -> dict[str, list[str]]:
    """List the arguments of ``nstyle reconstruct`` by experiment."""
    style, transfer = ["sweep", "style", painting], ["sweep", "transfer", photo, painting]
    two_layers = ["--layers", "relu1_1", "--layers", "relu2_1"]
    adam = ["--optimizer", "adam", "--lr", "0.02", "--patience", "0"]
    four = ["--layers", "relu1_1,relu1_2,relu2_1,relu2_2", "--per-layer", "single"]
    blocks = ["--layers", "relu1_1,relu2_1,relu3_1,relu4_1", "--per-layer", "cumulative"]
    layer_sets = [
        "--style-layers",
        "relu1_1",
        "--style-layers",
        "relu1_1,relu2_1",
        "--style-layers",
        "relu1_1,relu2_1,relu3_1",
    ]
    moments = ["--loss", "gram,moments", "--moments", "2,4"]
    first_cell = ["style", painting, "--layers", "relu1_1", "--loss", "moments", "--moments", "1"]
    to_the_end = ["--optimizer", "adam", "--lr", "0.001", "--iterations", "20000", "--patience", "0"]
    commands = {
        "layers-losses": [
            *style,
            *four,
            "--loss",
            "gram,moments,mmd",
            "--moments",
            "1,2,3,4",
            *FEATURES_OVER_255,
            *LBFGS,
        ],
        "seed-cell": [*first_cell, "--schedule", "inversion-table"],
        "seed-cell-to-the-end": [*first_cell, *to_the_end, *FEATURES_OVER_255],
        "blocks": [*style, *blocks, "--loss", "gram", *adam, "--iterations", "3000"],
        "seeds": [*style, "--layers", "relu2_1", *moments, "--seed", "0,1,2", *FEATURES_OVER_255, *LBFGS],
        "adam": [*style, *two_layers, *moments, *adam, "--iterations", "1500", *FEATURES_OVER_255],
        "other-losses": [
            *style,
            *two_layers,
            "--loss",
            "mmd-shuffled,mean-std",
            *adam,
            "--iterations",
            "1500",
            *FEATURES_OVER_255,
        ],
        "photo-losses": [
            "sweep",
            "style",
            photo,
            *two_layers,
            "--loss",
            "gram,moments,mmd",
            "--moments",
            "3",
            *FEATURES_OVER_255,
            *LBFGS,
        ],
        "photo-content": [
            "sweep",
            "content",
            photo,
            "--layers",
            "relu1_2,relu2_2,relu3_3",
            "--per-layer",
            "single",
            "--iterations",
            "200",
        ],
        "style-weight": [*transfer, *TRANSFER, "--style-weight", "0.00002,0.0002,0.002,0.02"],
        "start": [*transfer, *TRANSFER, "--start", "noise,white,black,mean,content,style,average"],
        "layers": [*transfer, *CONTENT, *layer_sets, "--start", "content,noise", "--iterations", "150"],
        "tv": [*transfer, *TRANSFER, "--tv-weight", "0,1e4,1e5,1e6", "--tv", "squared,power-1.25", "--start", "noise"],
        "pooling": [*transfer, *TRANSFER, "--pooling", "max,average"],
        "transfer-adam": [*transfer, *CONTENT, *STYLE, "--optimizer", "adam", "--lr", "0.02", "--iterations", "600"],
        "transfer-sgd": [
            *transfer,
            *CONTENT,
            *STYLE,
            "--optimizer",
            "sgd",
            "--lr",
            "0.01,0.05,0.2",
            "--iterations",
            "600",
        ],
        "ladder": [
            "transfer",
            ladder_photo,
            painting,
            *CONTENT,
            *STYLE,
            "--iterations",
            "100",
            "--size",
            "640",
            "--min-size",
            "160",
        ],
        "no-ladder": ["transfer", ladder_photo, painting, *CONTENT, *STYLE, "--iterations", "190", "--size", "640"],
    }
    if second:
        mixes = ["--weights", "1,0", "--weights", "0.5,0.5", "--weights", "0,1"]
        commands["mix"] = ["sweep", "transfer", photo, painting, second, *TRANSFER, *mixes]
    return commands


def run(name: str, arguments: list[str], out: Path) -> None:
    """Run one experiment. An existing single reconstruction is kept, as a sweep keeps its cells."""
    folder = out / name
    if arguments[0] != "sweep" and (folder / "run.json").exists():
        return
    print(f"== {name}: nstyle reconstruct {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "nstyle", "reconstruct", *arguments, "--out", str(folder)], check=False)


def write_jpeg(source: Path, target: Path) -> None:
    """Write a picture as a strongly compressed JPEG, as noisy pictures make large files."""
    buffer = io.BytesIO()
    read_picture(source).rgb.save(buffer, "JPEG", quality=80, optimize=True)
    write_atomically(target, buffer.getvalue())


def write_pictures(out: Path, pictures: Path) -> None:
    """Copy the pictures that may be shown to the documentation, as JPEG."""
    shown = [path for path in sorted((out / "layers-losses").iterdir()) if path.is_dir() and "mmd" not in path.name]
    write_report([*shown, out / "blocks"], out / "report")
    sources = {
        name: out / name / "grid.png"
        for name in ("seeds", "photo-losses", "photo-content", "style-weight", "start", "layers", "tv", "mix")
    }
    sources |= {"layers-losses": out / "report" / "layers-losses-1.png", "blocks": out / "report" / "blocks-gram-2.png"}
    for name, path in sources.items():
        if path.exists():
            write_jpeg(path, pictures / f"reconstruct-{name}.jpg")
    write_atomically(pictures / "reconstruct-phi.png", (out / "report" / "phi-gram-2.png").read_bytes())
    pair = [(name, out / name / "result.png") for name in ("no-ladder", "ladder")]
    if all(path.exists() for _, path in pair):
        sheet = contact_sheet([(name.replace("-", " "), read_picture(path).rgb) for name, path in pair], cell=640)
        write_atomically(out / "report" / "ladder.png", encode(sheet, ".png"))
        write_jpeg(out / "report" / "ladder.png", pictures / "reconstruct-ladder.jpg")


def main() -> None:
    """Run the experiments, then make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("painting")
    parser.add_argument("--second")
    parser.add_argument("--out", type=Path, default=Path("experiments"))
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    photos = {}
    for name in ("astronaut", "rocket"):
        photos[name] = arguments.out / f"{name}.png"
        write_atomically(photos[name], encode(Image.fromarray(getattr(data, name)()), ".png"))
    commands = experiments(arguments.painting, arguments.second, str(photos["astronaut"]), str(photos["rocket"]))
    unknown = sorted(set(arguments.only) - set(commands))
    if unknown:
        sys.exit(f"there is no experiment '{unknown[0]}'; expected some of {', '.join(commands)}")
    for name in arguments.only or commands:
        run(name, commands[name], arguments.out)
    if arguments.pictures:
        write_pictures(arguments.out, arguments.pictures)


if __name__ == "__main__":
    main()
