"""The settings of finished reconstructions in words: all of them, what was varied among runs, and captions of it."""

from collections import Counter
from collections.abc import Sequence

from nstyle.reconstruction.finished_runs import Run
from nstyle.reconstruction.layer_weights import layers_text
from nstyle.reports.names import shortest_names

ABSENT = "none"
"""How a caption says that a run lacks what others have, such as a mix."""


def settings_of(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return every setting of every run by name, as text that is empty where a run has none.

    Pictures are named by the shortest end of their path that no other picture has, or by a fingerprint too.
    """
    pictures = _pictures(runs)
    return [_settings(run, pictures, network) for run, network in zip(runs, _networks(runs), strict=True)]


def varied(settings: Sequence[dict[str, str]]) -> list[str]:
    """Name the settings that are not the same in all runs."""
    return [name for name in settings[0] if len({values[name] for values in settings}) > 1]


def captions(runs: Sequence[Run], *, without: Sequence[str] = ()) -> list[str]:
    """Return for each run what was varied, and only that: ``style weight 100, size 512``.

    Runs that do not differ in any setting are told apart by their folders.

    Args:
        runs: The runs.
        without: Settings that the captions do not name.
    """
    settings = settings_of(runs)
    names = [name for name in varied(settings) if name not in without]
    texts = [", ".join(f"{_singular(name, values)} {values[name] or ABSENT}" for name in names) for values in settings]
    folders = shortest_names([run.folder.path for run in runs])
    return [
        text if text and texts.count(text) == 1 else ", ".join(filter(None, (text, folders[str(run.folder.path)])))
        for text, run in zip(texts, runs, strict=True)
    ]


def _singular(name: str, values: dict[str, str]) -> str:
    return "painting" if name == "paintings" and " + " not in values[name] else name


def _pictures(runs: Sequence[Run]) -> dict[str, str]:
    """Name pictures by their fingerprints: the same picture has one name, and other ones of that name another."""
    given: dict[str, str] = {}
    for run in runs:
        for fingerprint, name in run.sources:
            given.setdefault(fingerprint, name)
    short = shortest_names(list(given.values()))
    uses = Counter(given.values())
    return {
        fingerprint: f"{short[name]} ({fingerprint[:8]})" if uses[name] > 1 else short[name]
        for fingerprint, name in given.items()
    }


def _networks(runs: Sequence[Run]) -> list[str]:
    """Name network and release of each run, and the file where other weights have the same network and release."""
    weights = [run.description["vgg"] for run in runs]
    names = [f"{vgg['architecture']} {vgg['release']}" for vgg in weights]
    sums: dict[str, set[str]] = {}
    for name, vgg in zip(names, weights, strict=True):
        sums.setdefault(name, set()).add(vgg["sha256"])
    files = [run.config.vgg or f"weights {vgg['sha256'][:8]}" for run, vgg in zip(runs, weights, strict=True)]
    short = shortest_names(files)
    return [f"{name} ({short[file]})" if len(sums[name]) > 1 else name for name, file in zip(names, files, strict=True)]


def _settings(run: Run, pictures: dict[str, str], network: str) -> dict[str, str]:
    config, description = run.config, run.description
    names = [pictures[fingerprint] for fingerprint, _ in run.sources]
    photograph, paintings = (names[0], names[1:]) if description["content"] else ("", names)
    has_style, has_content = bool(config.style_layers), bool(config.content_layers)
    return {
        "photograph": photograph,
        "paintings": " + ".join(paintings),
        "mix": ":".join(f"{part:g}" for part in config.style_mix),
        "content layers": layers_text(config.content_layers),
        "style layers": layers_text(config.style_layers),
        "loss": config.loss_label if has_style else "",
        "content loss": config.content_loss if has_content else "",
        "style weight": f"{config.style_weight:g}" if has_style else "",
        "tv weight": f"{config.tv_weight:g}",
        "tv": config.tv,
        "feature scale": f"{config.feature_scale:.6g}",
        "optimizer": str(config.optimizer),
        "lr": f"{config.lr:g}",
        "iterations per size": str(config.iterations),
        "patience": str(config.patience),
        "threshold": f"{config.threshold:g}" if config.threshold is not None else "",
        "schedule": config.schedule or "",
        "size": str(config.size),
        "min size": str(config.min_size or ""),
        "style size": config.style_size if has_style else "",
        "start": str(config.start),
        "seed": str(config.seed),
        "network": network,
        "pooling": config.pooling,
        "precision": description.get("precision", config.precision),
        "device": description["device"],
    }
