"""K. Nikulina's homework: pooling, optimizers, numbers of layers, networks, and style reconstructions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from nstyle.encoders.layers import CHANNELS_PER_BLOCK, layer_names
from nstyle.encoders.load import EncoderWeights, load_encoder_weights, reaches
from nstyle.imaging.pictures import read_picture
from nstyle.reconstruction.all_runs import loss_plot
from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.structure_radius import structure_radius
from nstyle.reports.page import Figure, Table, number
from nstyle.reproduction.figures import not_made, picture_sheet, verdict
from nstyle.reproduction.measures import correlation, errors, rises, share_left
from nstyle.reproduction.nikulina_log import ITERATIONS, layers_shown
from nstyle.reproduction.race import race
from nstyle.reproduction.recipe import Exhibit, Materials, Recipe, Shown
from nstyle.reproduction.reconstructions import Axes, Reconstructions
from nstyle.reproduction.results import Results
from nstyle.reproduction.scale import Scale

SIZE = 512
"""The side of pictures in the tutorial, in pixels."""
STYLE_WEIGHT = 1e6
"""The tutorial's, for a content of 1."""
STD = 0.226
"""The mean divisor of pictures in [0, 1] for torchvision's weights, which the tutorial takes."""
LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
"""The tutorial's style layers, conv_1 to conv_5."""
MORE, FEWER = (*LAYERS, "relu3_2", "relu3_3", "relu4_1"), LAYERS[:-2]
"""Three layers more, and two fewer. Which ones is not stated."""
BLOCK_ENDS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "vgg19": ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"),
}
"""The last layer of each block. Up to relu3_3 both networks are the same, so that only deeper layers compare them."""
GONE = 0.2
"""Our choice: places that correlate less than this with the painting's have nothing to do with them."""
RATE, RATES = 0.01, (0.01, 0.05)
"""Not stated. Losses that fall evenly, as in her log of fewer layers, take a small one."""


def exhibits(materials: Materials, scale: Scale) -> Sequence[Exhibit]:
    """Return the experiments of the homework."""
    length: Axes = {
        "iterations": [scale.steps(ITERATIONS)],
        "size": [scale.size(SIZE)],
        "patience": [0],
        **materials.axes,
    }
    common: Axes = {
        "style": [materials.paintings[0]],
        "content": [materials.photos[0]],
        "content_layers": ["relu2_2"],
        "style_layers": [by_mean(LAYERS)],
        "style_weight": [STYLE_WEIGHT],
        "feature_scale": [materials.feature_scale(STD)],
        "pooling": ["average"],
        "optimizer": ["sgd"],
        "lr": [RATE],
        **length,
    }
    pooling = Reconstructions("pooling", {**common, "pooling": ["average", "max"]})
    optimizers = Reconstructions("optimizer", {**common, "optimizer": ["sgd", "adam"], "lr": RATES})
    layers = Reconstructions("layers", {**common, "style_layers": [by_mean(some) for some in (FEWER, LAYERS, MORE)]})

    def to_scale(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Bring each encoder's features to the scale of the tutorial's, so that style and content weigh alike."""
        std = fmean(load_encoder_weights(settings["vgg"] or None).std)
        return {"feature_scale": replace(materials, std=std).feature_scale(STD)}

    files = list(materials.vgg)

    def to_depth(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Take the last layers of the blocks that all files have, whatever they are called in each network."""
        blocks = shared_blocks([load_encoder_weights(file or None) for file in files])
        architecture = load_encoder_weights(settings["vgg"] or None).architecture
        return {**to_scale(settings), "style_layers": by_mean(BLOCK_ENDS.get(architecture, LAYERS)[:blocks])}

    networks = Reconstructions("networks", {**common, "vgg": files}, dependent=to_scale)
    deep = Reconstructions("networks-deep", {**common, "vgg": files}, dependent=to_depth)
    every = [name for name in layer_names("vgg16") if name.startswith("relu")]
    style = Reconstructions(
        "style-reconstruction",
        {"layers": every, "style": common["style"], "loss": ["gram-gatys"], "pooling": ["average"], **length},
    )
    return [
        Exhibit(
            "pooling",
            "Average against max pooling",
            "Average pooling in the place of max pooling is said to let gradients through better, and to give slightly "
            "more pleasing pictures.",
            (pooling,),
            partial(_pooling, work=pooling),
        ),
        Exhibit(
            "optimizer",
            "SGD against Adam",
            "SGD is taken. With Adam the picture is said to come closer to the art of the painter.",
            (optimizers,),
            partial(_optimizers, work=optimizers),
        ),
        Exhibit(
            "layers",
            "More and fewer style layers",
            "Three layers more make it much worse: the printed losses jump, up to 1.4e9 at iteration 400. Two fewer "
            "give almost the same picture as the original number, a style loss that only falls and a content loss that "
            "only grows.",
            (layers,),
            partial(layers_shown, work=layers),
        ),
        Exhibit(
            "networks",
            "VGG16 against VGG19",
            "VGG16 is said to have done better than VGG19, though it has fewer convolutions.",
            (networks, deep),
            partial(_networks, work=networks, deep=deep),
        ),
        Exhibit(
            "style-reconstruction",
            "Style reconstructions of each layer",
            "From noise, by the Gram matrix of a layer. The deeper the layer, the less is left of the arrangement.",
            (style,),
            partial(_style, work=style),
        ),
    ]


def shared_blocks(files: Sequence[EncoderWeights]) -> int:
    """Return how many blocks all files of VGG16 and VGG19 have to their ends; 1 at least."""
    vgg = [weights for weights in files if weights.architecture in BLOCK_ENDS]
    counts = [sum(reaches(weights, [layer]) for layer in BLOCK_ENDS[weights.architecture]) for weights in vgg]
    return max(1, min(counts, default=1))


def by_mean(layers: Sequence[str]) -> dict[str, float]:
    """Return the weights of layers under which the loss is the tutorial's.

    It is the mean over the C^2 entries of the squared difference of Gram matrices over C H W; ours is the sum.
    """
    return {layer: 1 / CHANNELS_PER_BLOCK[int(layer[4]) - 1] ** 2 for layer in layers}


def _pooling(results: Results, work: Reconstructions) -> Shown:
    runs = {str(run.config.pooling): run for run in results.runs(work)}
    if len(runs) < 2:
        return Shown(not_made(results.failures(work)))
    text = share_text({name: share_left(run) for name, run in runs.items()}, "average", "average pooling")
    rows = [[name, f"{100 * share_left(run):.3g}"] for name, run in runs.items()]
    table = Table(["pooling", "left of the loss of the start, %"], rows)
    text += " Targets are pooled likewise, so losses compare only over their starts. What pleases is for the eye."
    figures = [results.grid(work, "Average and max pooling, from the photograph"), losses_of(work, runs, "pooling")]
    return Shown(text, figures, [table])


def losses_of(work: Reconstructions, runs: Mapping[str, Run], what: str) -> Figure:
    """Draw the loss of every iteration."""
    return Figure.of_plot(f"{work.name}-loss", f"The loss of every iteration, by {what}", loss_plot(list(runs.items())))


def share_text(shares: Mapping[str, float], claimed: str, name: str) -> str:
    """Say whether the one that the source prefers has least left of the loss of its start."""
    is_least = all(shares[claimed] < share for other, share in shares.items() if other != claimed)
    others = ", ".join(f"{100 * share:.3g} % with {other}" for other, share in shares.items() if other != claimed)
    left = f"{100 * shares[claimed]:.3g} % of the loss of the start are left, against {others}"
    return verdict(is_least, f"with {name} {left}")


def _optimizers(results: Results, work: Reconstructions) -> Shown:
    runs = {f"{run.config.optimizer} at {run.config.lr:g}": run for run in results.runs(work)}
    shown = race(results, work, "optimizer", runs, "By optimizer and rate, from the photograph")
    claim = style_text({label: errors(run)[1] for label, run in runs.items()})
    rates = "SGD's rate is in units of pixels, as its gradients are divided by the size of the first one."
    return replace(shown, text=f"{claim} {shown.text} {rates}".strip())


def style_text(style: Mapping[str, float]) -> str:
    """Say whether Adam comes closest to the style at every rate, from the style error by optimizer and rate."""
    of_adam = [error for label, error in style.items() if label.startswith("adam")]
    others = [error for label, error in style.items() if not label.startswith("adam")]
    ranked = ", ".join(f"{number(style[label])} with {label}" for label in sorted(style, key=style.__getitem__))
    return verdict(
        bool(of_adam and others) and max(of_adam) < min(others),
        f"the style error is less with Adam at every rate: {ranked}",
        f"which optimizer leaves less style error depends on the rates: {ranked}",
    )


def _networks(results: Results, work: Reconstructions, deep: Reconstructions) -> Shown:
    rows, texts, figures = [], [], []
    for each in (work, deep):
        named = {run.labels.get("vgg") or Path(run.config.vgg).stem or _network(run): run for run in results.runs(each)}
        layers = "the tutorial's layers" if each is work else last_layers([run.layers for run in named.values()])
        shares = {name: share_left(run) for name, run in named.items()}
        rows += [
            [name, _network(run), ", ".join(run.config.style_layers), number_of_convolutions(run),
             f"{100 * shares[name]:#.3g}"]
            for name, run in named.items()
        ]  # fmt: skip
        texts.append(networks_text(layers, {name: (_network(run), shares[name]) for name, run in named.items()}))
        caption = f"By network, from the photograph, with {layers}"
        figures += [results.grid(each, caption), losses_of(each, named, f"network, with {layers}")]
    texts += [
        "Up to relu3_3 both networks are the same, and only their weights differ.",
        "Losses of two networks compare only over their starts.",
        not_made([failure for each in (work, deep) for failure in results.failures(each)]),
    ]
    columns = ["file", "network", "style layers", "convolutions in use", "left of the loss of the start, %"]
    return Shown(" ".join(dict.fromkeys(texts)).strip(), figures, [Table(columns, rows)])


def last_layers(style_layers: Sequence[Sequence[str]]) -> str:
    """Say how deep the last layers of blocks go: ``the last layer of each block up to block 3``."""
    return f"the last layer of each block up to block {max(map(len, style_layers), default=0)}"


def networks_text(layers: str, shares: Mapping[str, tuple[str, float]]) -> str:
    """Say whether all files of VGG16 have less left of the loss of the start than those of VGG19.

    Args:
        layers: The style layers, in words.
        shares: The network and the share that is left, by file.
    """
    left = {of: [share for network, share in shares.values() if network == of] for of in ("vgg16", "vgg19")}
    if not all(left.values()):
        here = ", ".join(dict.fromkeys(network for network, _ in shares.values())) or "none"
        return f"This takes VGG16 and VGG19; here was only {here}. Give both with `vgg`."
    each = " and ".join(f"{100 * share:#.3g} % with {name}" for name, (_, share) in shares.items())
    what = f"with {layers}, what is left of the loss of the start is {each}"
    return verdict(max(left["vgg16"]) < min(left["vgg19"]), what)


def _network(run: Run) -> str:
    return str(run.description["vgg"]["architecture"])


def number_of_convolutions(run: Run) -> str:
    """Count the convolutions that are in front of the deepest layer of a run."""
    architecture = run.description["vgg"]["architecture"]
    if architecture not in ("vgg16", "vgg19"):
        return ""
    names = [name for name in layer_names(architecture) if name.startswith("relu")]
    deepest = max(names.index(layer) for layer in (*run.config.style_layers, *run.config.content_layers))
    return str(deepest + 1)


def _style(results: Results, work: Reconstructions) -> Shown:
    runs = results.runs(work)
    painting = read_picture(work.axes["style"][0]).rgb
    pictures = [run.folder.read_result() for run in runs]
    kept = [correlation(picture, painting) for picture in pictures]
    radii = [structure_radius(picture) for picture in pictures]
    layers = [run.layers[0] for run in runs]
    rows = [[layer, f"{same:+.2f}", f"{radius:.1f}"] for layer, same, radius in zip(layers, kept, radii, strict=True)]
    text = f"{arrangement_text(layers, kept)} {not_made(results.failures(work))}"
    labelled = dict(zip(layers, runs, strict=True))
    figure = picture_sheet(work.name, "One layer each, from noise", list(labelled.items()))
    columns = ["layer", "correlation with the painting", "structure radius, px"]
    return Shown(text.strip(), [figure, losses_of(work, labelled, "layer")], [Table(columns, rows)])


def arrangement_text(layers: Sequence[str], kept: Sequence[float]) -> str:
    """Say whether the arrangement is lost from block to block, from the correlation with the painting by layer."""
    blocks: dict[str, list[float]] = {}
    for layer, value in zip(layers, kept, strict=True):
        blocks.setdefault(layer[4], []).append(value)
    means = [fmean(values) for values in blocks.values()]
    each = ", ".join(f"{mean:+.2f} in block {block}" for block, mean in zip(blocks, means, strict=True))
    what = f"light and dark correlate with the painting's by {each}"
    if max(map(abs, means)) < GONE:
        return f"Nothing is left of the arrangement from the first block on, so that none can lose more: {what}."
    return verdict(rises(means[::-1]), what, f"{what}, which does not fall from block to block")


NIKULINA = Recipe(
    "nikulina",
    "K. Nikulina, Deep Learning HomeWork3 Task 3, University of Innsbruck, 2022",
    "Average against max pooling, SGD against Adam, more and fewer style layers, VGG16 against VGG19, and style "
    "reconstructions of each layer.",
    "Her text has Gatys et al.'s losses, half a sum and 1 / (4 N^2 M^2), from white noise. Her printed log is another "
    "method's: it has the lines of PyTorch's tutorial on style transfer, and a content loss that begins at 1.35 and "
    "grows, as it does from the photograph and as a mean. The log can be compared, so the tutorial is followed: "
    "content conv_4 (relu2_2) with weight 1, style conv_1 to conv_5 with 1e6, from the photograph, 512 px. The "
    "tutorial's loss is a mean over the entries of Gram matrices, ours a sum, so each layer has the weight 1 / C^2; it "
    "compares features before the ReLU, ours after it; and it takes torchvision's weights, to whose scale features are "
    "brought, roughly where other weights are given. Pooling is average and the optimizer SGD where nothing else is "
    f"said, at a rate of {RATE:g}, as rates are not stated. The last printed line is at {ITERATIONS:,} iterations. "
    "Style reconstructions are by L-BFGS.",
    exhibits,
    compares_encoders=True,
)
"""The homework's experiments."""
