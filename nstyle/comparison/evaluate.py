"""The losses of all networks of a comparison, measured alike: on the same photographs, in float32, with one loss."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nstyle.comparison.gap import LossArray
from nstyle.comparison.plan import MIN_HELD_OUT, N_STYLE, Member, Plan
from nstyle.data.crops import center_crop
from nstyle.encoders.load import load_encoder_weights
from nstyle.errors import NstyleError, UsageError
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.models.model_file import load_model
from nstyle.strict_json import parse_json
from nstyle.system.devices import choose_device
from nstyle.system.files import write_atomically
from nstyle.training.photographs import split_photographs
from nstyle.training.validation import TERMS, photo_losses

logger = logging.getLogger(__name__)

CACHE_FILE = "evaluation.json"
SINGLE, SINGLE_PER_STYLE = "single", "single per style"
NETWORKS = (N_STYLE, SINGLE, SINGLE_PER_STYLE)
"""The n-style and the single-style networks after the last update, and the latter after the same number of updates per
style."""
PER_NETWORK, PER_STYLE = "per network", "per style"
PROTOCOLS = {PER_NETWORK: SINGLE, PER_STYLE: SINGLE_PER_STYLE}
"""The networks that the n-style network is compared with, by protocol."""


@dataclass(frozen=True)
class Evaluation:
    """The losses of all networks on all photographs."""

    photos: tuple[Path, ...]
    """The photographs that the losses were measured on."""
    losses: dict[str, LossArray]
    """Losses by network, (R seeds, K styles, P photographs, 3). The last axis is ``content``, ``style``, ``total``."""

    def of(self, network: str, term: str) -> LossArray:
        """Return one term (R, K, P) of one of :data:`NETWORKS`."""
        return self.losses[network][..., TERMS.index(term)]

    COLUMNS = ("network", "updates", "seed", "style", "photograph", *(f"{term}_loss" for term in TERMS))

    def rows(self, plan: Plan) -> list[list[Any]]:
        """Return every number as a row of a table of COLUMNS."""
        return [
            [network, updates, plan.config.seed + r, plan.names[k], self.photos[p].name, *losses[r, k, p].tolist()]
            for network, losses in self.losses.items()
            for updates in [plan.updates_per_style if network == SINGLE_PER_STYLE else plan.updates]
            for r, k, p in np.ndindex(losses.shape[:3])
        ]


def evaluate(plan: Plan, notice: Callable[[str], None]) -> Evaluation:
    """Measure all networks of a comparison after their training, except those that were measured before.

    Args:
        plan: The comparison.
        notice: Called with a line of text before a network is measured.

    Raises:
        UsageError: If the encoder is not that of the runs, or a model is missing.
        NstyleError: If no photograph can be read.
    """
    evaluator = _Evaluator(plan)
    losses: dict[str, LossArray] = {}
    for network in NETWORKS:
        rows = []
        for seed in range(plan.seeds):
            if network == N_STYLE:
                rows.append(evaluator.measure(plan.n_style(seed), plan.updates, notice))
                continue
            updates = plan.updates if network == SINGLE else plan.updates_per_style
            singles = [evaluator.measure(plan.single(seed, style), updates, notice) for style in plan.styles]
            rows.append([single[0] for single in singles])
        losses[network] = np.asarray(rows, dtype=np.float64)
    return Evaluation(evaluator.files, losses)


class _Evaluator:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.device = choose_device(plan.config.device)
        encoder_weights = load_encoder_weights(plan.config.vgg)
        self.encoder_sha256 = encoder_weights.sha256
        self.perceptual = PerceptualLoss(plan.config.preset, encoder_weights).to(self.device)
        styles = plan.n_style(0).run.read_styles()
        self.targets = {term: value.to(self.device) for term, value in styles.targets.items()}
        assert styles.names == plan.names
        self.files, self.photos = _photographs(plan)
        digest = hashlib.sha256(json.dumps(plan.config.preset.to_dict()).encode() + self.encoder_sha256.encode())
        digest.update(self.photos.numpy().tobytes())
        self.signature = digest.hexdigest()
        self.cache = _read_cache(plan.out / CACHE_FILE, self.signature)

    def measure(self, member: Member, updates: int, notice: Callable[[str], None]) -> list[Any]:
        """Return the losses (K, P, 3) of a network with K styles, as lists."""
        path = member.model(updates)
        try:
            model = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read ({error.strerror}); remove {member.run.path} to train that network anew"
            ) from error
        shape = (len(member.styles), len(self.photos), len(TERMS))
        if not _is_finite_of(shape, self.cache.get(model)):
            notice(f"measuring {member.label} after {updates} updates")
            network, info = load_model(path)
            if info.vgg_sha256 != self.encoder_sha256:
                raise UsageError(
                    f"{path} was trained with other VGG weights ({info.vgg_in_words}); give them with `vgg`"
                )
            rows = torch.tensor([self.plan.names.index(style.name) for style in member.styles], device=self.device)
            targets = {term: value[rows] for term, value in self.targets.items()}
            mixes = F.one_hot(
                torch.tensor([info.styles.index(style.name) for style in member.styles]), network.num_styles
            )
            network = network.to(self.device)
            with torch.backends.cudnn.flags(allow_tf32=False):  # Convolutions on a GPU would round float32 to 10 bits.
                measured = photo_losses(
                    network,
                    self.perceptual,
                    self.photos,
                    mixes.float().to(self.device),
                    targets,
                    torch.float32,
                    info.painting_grain,
                    [self.plan.config.style_factors.get(style.name, 1.0) for style in member.styles],
                )
            losses = measured.numpy()
            if not np.isfinite(losses).all():
                raise NstyleError(
                    f"{path} paints pictures whose loss is not finite; remove {member.run.path} to train that network "
                    "anew"
                )
            self.cache[model] = losses.tolist()
            write_atomically(
                self.plan.out / CACHE_FILE, json.dumps({"evaluator": self.signature, "losses": self.cache}).encode()
            )
        return self.cache[model]


def _photographs(plan: Plan) -> tuple[tuple[Path, ...], Tensor]:
    """Return the files of the held-out photographs, and their crops in float32 (P, 3, size, size) in [0, 1]."""
    held_out = split_photographs(plan.config)[1]
    files, crops = [], []
    for path in held_out.files[: plan.config.held_out]:
        try:
            crops.append(center_crop(path, plan.config.size))
            files.append(path)
        except NstyleError as error:
            logger.warning("a photograph is left out of the evaluation: %s", error)
    if len(crops) < MIN_HELD_OUT:
        raise NstyleError(
            f"{len(crops)} of the {len(held_out.files)} photographs of {held_out.root} to judge by can be read; "
            f"expected at least {MIN_HELD_OUT}"
        )
    return tuple(files), torch.stack(crops)


def _is_finite_of(shape: tuple[int, ...], losses: Any) -> bool:
    """Tell whether losses from a file are finite numbers, as many as there must be."""
    try:
        values = np.asarray(losses, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return False
    return values.shape == shape and bool(np.isfinite(values).all())


def _read_cache(path: Path, signature: str) -> dict[str, list[Any]]:
    """Read the losses that were measured with the same loss, encoder and photographs before."""
    try:
        cache = parse_json(path.read_bytes())
        return dict(cache["losses"]) if cache["evaluator"] == signature else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
