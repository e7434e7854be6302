"""Teach the small perceptual network `lite` to answer like VGG16, and say how close it comes.

    python tools/distil_lite.py train --photos FOLDER --paintings FOLDER --held-out NAME... --output FILE.safetensors
    python tools/distil_lite.py judge --photos VALIDATION --paintings FOLDER --held-out NAME... [--weights
    FILE.safetensors]

VGG16 comes from --vgg or NSTYLE_VGG. Half of a batch are photographs; the rest are crops of paintings, pictures that
the shipped model has painted, and noise over photographs, so that the network also knows what a style network shows it
on its way.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from nstyle.data.crops import CropSampler, center_crop
from nstyle.data.photos import PhotoIndex, index_folder
from nstyle.encoders.lite import LAYERS, LiteFeatures, LiteNetwork, read_lite_weights
from nstyle.encoders.vgg import VGGFeatures
from nstyle.encoders.vgg_weights import load_vgg_weights
from nstyle.losses.functional import gram, relative_squared_error
from nstyle.models.locate import find_model
from nstyle.models.model_file import load_model
from nstyle.system.devices import choose_device, choose_dtype
from nstyle.system.files import whole_file
from nstyle.system.memory import keep_freed_memory
from nstyle.training.precision import autocast
from nstyle.training.schedule import learning_rate

SIZE = 96
"""The side of the pictures of a batch, in pixels."""
BATCH = 8
PEAK_RATE = 2e-3
CLIP = 5.0
INPUT_SCALE = 64.0
"""The additional divisor of VGG16's input of up to 124, so that the first activations are of order 1."""
MIX_CONCENTRATION = 0.3
"""The concentration of the Dirichlet distribution of styles in painted pictures, which gives mostly one or two
styles."""
JUDGED_SIZE = 256
ROUNDS = 9
"""The number of rounds of timing."""


def with_noise(photos: Tensor, draw: np.random.Generator) -> Tensor:
    """Blend photographs (B, 3, H, W) with noise of a random coarseness, each with a random strength."""
    side = photos.shape[-1] // int(draw.choice([1, 1, 2, 4]))
    noise = torch.from_numpy(draw.random((len(photos), 3, side, side), dtype=np.float32))
    noise = F.interpolate(noise, size=photos.shape[-2:], mode=str(draw.choice(["nearest", "bilinear"])))
    return photos.lerp(noise, torch.from_numpy(draw.random((len(photos), 1, 1, 1), dtype=np.float32)))


def split(paintings: Path, held_out: list[str]) -> tuple[PhotoIndex, PhotoIndex]:
    """Split the paintings of a folder into those to train on and those whose names contain one of ``held_out``."""
    index = index_folder(paintings)
    taken = [path for path in index.files if any(name in path.name for name in held_out)]
    return PhotoIndex(index.root, tuple(path for path in index.files if path not in taken)), PhotoIndex(
        index.root, tuple(taken)
    )


class Pictures:
    """Batches of training pictures, as a pure function of the update."""

    def __init__(self, photos: PhotoIndex, paintings: PhotoIndex, seed: int) -> None:
        self.seed = seed
        self.photos = CropSampler(photos, SIZE, seed)
        self.paintings = [CropSampler(paintings, side, seed) for side in (SIZE, 4 * SIZE)]
        self.network, _ = load_model(find_model("default"))
        self.network.eval().to(memory_format=torch.channels_last)

    @torch.no_grad()
    def batch(self, update: int) -> Tensor:
        """Return RGB (BATCH, 3, SIZE, SIZE) in [0, 1], channels_last."""
        draw = np.random.default_rng((self.seed, update))
        eighth = BATCH // 8
        photos = self.photos.batch(update, BATCH - 2 * eighth).float() / 255
        whole, detail = (sampler.batch(update, eighth).float() / 255 for sampler in self.paintings)
        top, left = draw.integers(0, detail.shape[-1] - SIZE + 1, size=2).tolist()
        mix = torch.from_numpy(draw.dirichlet(np.full(self.network.num_styles, MIX_CONCENTRATION), eighth)).float()
        painted = self.network(photos[:eighth], mix)
        noisy = with_noise(photos[eighth : 2 * eighth], draw)
        pictures = torch.cat(
            [painted, noisy, photos[2 * eighth :], whole, detail[..., top : top + SIZE, left : left + SIZE]]
        )
        return pictures.contiguous(memory_format=torch.channels_last)


def errors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> Tensor:
    """Return the relative squared errors (layers, 2) of features and of Gram matrices, as means over the batch."""
    rows = []
    for layer in LAYERS:
        a, b = ours[layer].float(), theirs[layer].float()
        rows.append(
            torch.stack(
                [relative_squared_error(a, b).mean(), relative_squared_error(gram(a, "hw"), gram(b, "hw")).mean()]
            )
        )
    return torch.stack(rows)


def train(arguments: argparse.Namespace) -> None:
    """Train the network, and write its weights. What cannot be written is known before."""
    with whole_file(arguments.output) as file:
        teach(arguments, file)


def teach(arguments: argparse.Namespace, file: Path) -> None:
    """Train the network with one cycle of the learning rate, and write the weights in half precision to a file."""
    weights = load_vgg_weights(arguments.vgg)
    dtype = choose_dtype("auto", choose_device("cpu"))
    teacher = VGGFeatures(weights, LAYERS, dtype=dtype)
    pictures = Pictures(
        index_folder(arguments.photos), split(arguments.paintings, arguments.held_out)[0], arguments.seed
    )
    torch.manual_seed(arguments.seed)
    student = LiteNetwork().to(memory_format=torch.channels_last)
    with torch.no_grad():
        scales = {
            layer: float(value.float().square().mean().sqrt()) for layer, value in teacher(pictures.batch(0)).items()
        }
    std = INPUT_SCALE * teacher.std
    if arguments.init_from is not None:
        start_from(student, read_lite_weights(arguments.init_from).state, scales)
    optimizer = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], lr=PEAK_RATE)
    started, recent = time.perf_counter(), []
    for update in range(arguments.updates):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate("one-cycle", update, peak=PEAK_RATE, updates=arguments.updates)
        batch = pictures.batch(update)
        with torch.no_grad():
            theirs = {layer: value.float() / scales[layer] for layer, value in teacher(batch).items()}
        with autocast(batch.device, dtype):
            ours = student((batch - teacher.mean) / std)
        table = errors(ours, theirs)
        optimizer.zero_grad()
        table.sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(student.parameters(), CLIP)
        optimizer.step()
        recent.append(table.detach())
        if (update + 1) % 100 == 0:
            print(
                f"update {update + 1}, {time.perf_counter() - started:.0f} s, errors of features and Gram matrices: "
                f"{_words(recent)}",
                flush=True,
            )
            recent.clear()
    export(student, scales, teacher.mean, std, weights.sha256, file)


def _words(tables: list[Tensor]) -> str:
    mean = torch.stack(tables).mean(dim=0).tolist()
    return ", ".join(
        f"{layer} {feature:.3f} {statistic:.3f}" for layer, (feature, statistic) in zip(LAYERS, mean, strict=True)
    )


def start_from(student: LiteNetwork, state: dict[str, Tensor], scales: dict[str, float]) -> None:
    """Load weights. If they lack the deepest blocks, only those will be trained, and the others stay as they are."""
    new = set(student.load_state_dict(state, strict=False).missing_keys)
    scale_heads(student, {layer: 1 / scale for layer, scale in scales.items() if f"heads.{layer}.weight" not in new})
    for name, parameter in student.named_parameters():
        parameter.requires_grad_(not new or name in new)


def scale_heads(student: LiteNetwork, scales: dict[str, float]) -> None:
    """Multiply the features of every layer by its scale."""
    with torch.no_grad():
        for layer, scale in scales.items():
            for parameter in student.get_submodule(f"heads.{layer}").parameters():
                parameter.mul_(scale)


def export(student: LiteNetwork, scales: dict[str, float], mean: Tensor, std: Tensor, teacher: str, file: Path) -> None:
    """Restore the teacher's scale in the heads, and write the weights in half precision with the input convention."""
    scale_heads(student, scales)
    state = {key: value.half().contiguous() for key, value in student.state_dict().items()}
    convention = {"mean": json.dumps(mean.flatten().tolist()), "std": json.dumps(std.flatten().tolist())}
    file.write_bytes(save(state, metadata={"architecture": "lite", "teacher_sha256": teacher, **convention}))
    print(f"{sum(value.numel() for value in state.values())} parameters, {file.stat().st_size / 1e6:.2f} MB")


def judged_pictures(photos: Path, paintings: PhotoIndex) -> Iterator[tuple[str, Tensor]]:
    """Yield the kind and the pixels, RGB (1, 3, 256, 256), of pictures that the network was not trained on."""
    index = index_folder(photos)
    crops = [center_crop(path, JUDGED_SIZE)[None] for path in index.files]
    yield from (("photographs", crop) for crop in crops)
    yield from (("paintings", center_crop(path, JUDGED_SIZE)[None]) for path in paintings.files)
    network, info = load_model(find_model("default"))
    mixes = torch.eye(len(info.styles))
    with torch.no_grad():
        yield from (("painted", network.eval()(crop, mixes[i % len(mixes)][None])) for i, crop in enumerate(crops))
    draw = np.random.default_rng(1)
    yield from (("noise", with_noise(torch.full((1, 3, JUDGED_SIZE, JUDGED_SIZE), 0.5), draw)) for _ in range(4))


def judge(arguments: argparse.Namespace) -> None:
    """Print the correlations with VGG16 of features, Gram matrices and style losses, and the time of both encoders."""
    teacher = VGGFeatures(load_vgg_weights(arguments.vgg), LAYERS)
    student = LiteFeatures(read_lite_weights(arguments.weights), LAYERS)
    by_kind: dict[str, list[Tensor]] = {}
    grams: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
    with torch.no_grad():
        for kind, picture in judged_pictures(arguments.photos, split(arguments.paintings, arguments.held_out)[1]):
            ours, theirs = student(picture), teacher(picture)
            grams.append(
                (
                    {layer: gram(ours[layer], "hw") for layer in LAYERS},
                    {layer: gram(theirs[layer], "hw") for layer in LAYERS},
                )
            )
            rows = [
                [_correlation(ours[layer], theirs[layer]), _correlation(grams[-1][0][layer], grams[-1][1][layer])]
                for layer in LAYERS
            ]
            by_kind.setdefault(kind, []).append(torch.tensor(rows))
    print("| pictures | " + " | ".join(f"{layer}: features, Gram" for layer in LAYERS) + " |")
    print("|---|" + "---|" * len(LAYERS))
    for kind, tables in by_kind.items():
        mean = torch.stack(tables).mean(dim=0).tolist()
        print(
            f"| {len(tables)} {kind} | "
            + " | ".join(f"{feature:.3f}, {statistic:.3f}" for feature, statistic in mean)
            + " |"
        )
    for layer in LAYERS:
        pairs = [(a, b) for a in grams for b in grams if a is not b]
        losses = torch.tensor(
            [[float(relative_squared_error(a[side][layer], b[side][layer])) for side in (0, 1)] for a, b in pairs]
        )
        ranks = losses.argsort(dim=0).argsort(dim=0).float()
        print(
            f"{layer}: rank correlation of style losses, {len(pairs)} pairs of pictures: "
            f"{_correlation(ranks[:, 0], ranks[:, 1]):.3f}"
        )
    print_speed(arguments.vgg)


def print_speed(vgg: str) -> None:
    """Time both encoders in turns, forward and backward to the picture, in the precision of training."""
    dtype = choose_dtype("auto", choose_device("cpu"))
    encoders = {
        "VGG16": VGGFeatures(load_vgg_weights(vgg), LAYERS, dtype=dtype),
        "lite": LiteFeatures(read_lite_weights(), LAYERS, dtype=dtype),
    }
    pictures = torch.rand(4, 3, JUDGED_SIZE, JUDGED_SIZE).contiguous(memory_format=torch.channels_last).requires_grad_()
    times: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            started = time.perf_counter()
            features = list(encoder(pictures).values())
            torch.autograd.backward(features, [torch.ones_like(value) for value in features])
            times[name].append(time.perf_counter() - started)
    words = ", ".join(f"{name} {statistics.median(values):.3f} s" for name, values in times.items())
    print(f"forward and backward, 4 pictures of {JUDGED_SIZE} px, {dtype}, median of {ROUNDS}: {words}")


def _correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).double())[0, 1])


def main() -> None:
    """Read the arguments, and train or judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("train", train), ("judge", judge)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("--photos", type=Path, required=True)
        command.add_argument("--paintings", type=Path, required=True)
        command.add_argument(
            "--held-out", nargs="*", default=[], help="parts of the names of paintings that are not learnt from"
        )
        command.add_argument("--vgg", default="")
        if function is train:
            command.add_argument("--updates", type=int, default=4000)
            command.add_argument("--seed", type=int, default=0)
            command.add_argument("--init-from", type=Path, help="start from weights that this tool wrote")
            command.add_argument("--output", type=Path, required=True)
        else:
            command.add_argument("--weights", type=Path, default=None, help="default: the shipped ones")
    arguments = parser.parse_args()
    keep_freed_memory()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
