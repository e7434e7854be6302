"""Style targets as they are kept in a model file: in half precision, without the half that symmetry repeats.

Of each Gram matrix the upper triangle is kept, in float16 over its largest entry, which is kept in float32: the entries
themselves reach 6e6 in the default loss under Oxford's VGG16, beyond what half precision holds. Of 45 losses of
photographs and pictures of the shipped model against five paintings, none changes by more than 3e-5 of itself, and by
2e-4 with bfloat16; under ``johnson`` and ``dumoulin`` these are 8e-5 and 6e-4. Packing what was unpacked gives the same
bits.

Shape suffixes: S styles, C channels, T = C (C + 1) / 2 entries of the upper triangle.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nstyle.errors import UsageError
from nstyle.losses.perceptual import StyleTargets

SCALE = ".scale"
"""The end of the names of the scales, such as ``relu2_2@1.scale``."""

PackedTargets = dict[str, Tensor]
"""By term the triangles (S, T), float16 within [-1, 1], and by term with :data:`SCALE` the scales (S,), float32."""


def pack_targets(targets: Mapping[str, Tensor], terms: Sequence[str]) -> PackedTargets:
    """Pack the Gram matrices (S, C, C) of some terms."""
    packed: PackedTargets = {}
    for term in terms:
        gram_SCC = targets[term].detach().float().cpu()
        rows, columns = torch.triu_indices(*gram_SCC.shape[1:])
        triangle_ST = gram_SCC[:, rows, columns]
        scale_S = triangle_ST.abs().amax(dim=1)
        # A black painting may have features of zeros only.
        packed[term] = (triangle_ST / torch.where(scale_S > 0, scale_S, 1.0)[:, None]).half()
        packed[term + SCALE] = scale_S
    return packed


def unpack_targets(packed: Mapping[str, Tensor], terms: Sequence[str], num_styles: int) -> StyleTargets:
    """Return the Gram matrices (S, C, C) of some terms, float32.

    Raises:
        UsageError: If a term is missing, or is not what :func:`pack_targets` makes of that many styles.
    """
    return {term: _unpacked(term, packed.get(term), packed.get(term + SCALE), num_styles) for term in terms}


def _unpacked(term: str, triangle_ST: Tensor | None, scale_S: Tensor | None, num_styles: int) -> Tensor:
    if triangle_ST is None or scale_S is None:
        raise UsageError(f"its style targets lack {term}")
    channels = (math.isqrt(8 * triangle_ST.shape[-1] + 1) - 1) // 2 if triangle_ST.ndim == 2 else 0
    entries = channels * (channels + 1) // 2
    got = [(part.dtype, tuple(part.shape)) for part in (triangle_ST, scale_S)]
    if channels < 1 or got != [(torch.float16, (num_styles, entries)), (torch.float32, (num_styles,))]:
        raise UsageError(f"its style targets of {term} are {got}; expected upper triangles of {num_styles} matrices")
    values_ST = triangle_ST.float() * scale_S[:, None]
    if not bool(torch.isfinite(values_ST).all()):
        raise UsageError(f"its style targets of {term} hold values that are not finite")
    rows, columns = torch.triu_indices(channels, channels)
    gram_SCC = values_ST.new_empty(num_styles, channels, channels)
    gram_SCC[:, rows, columns] = values_ST
    gram_SCC[:, columns, rows] = values_ST
    return gram_SCC


def select_rows(packed: Mapping[str, Tensor], rows: Sequence[int]) -> PackedTargets:
    """Return the targets of some of the styles, in this order."""
    return {name: value[list(rows)] for name, value in packed.items()}


def join_targets(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> PackedTargets:
    """Put the targets of styles behind those of others, of the same terms."""
    return {name: torch.cat([value, second[name]]) for name, value in first.items()}
