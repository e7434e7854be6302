"""Mixes: which styles to paint in, and how much of each."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import SupportsFloat, TypeAlias

from nstyle.errors import UsageError
from nstyle.models.style_names import match_style, shipped_hint

Mix = dict[str, float]
"""Weights by style name, which sum to 1."""
Weights: TypeAlias = Sequence[float] | Mapping[str, float] | str | None
"""Weights by position or by name, the name of one style, or None for a model of a single style."""
LABELLED = 3
"""The largest number of styles that are named in a file name."""


def choose_styles(names: Sequence[str], styles: Sequence[str], model: str = "") -> list[str]:
    """Match several style names with the styles of a model, in order; see :func:`match_style`.

    Raises:
        UsageError: If a name is unknown or given twice.
    """
    chosen = [match_style(name, styles, model) for name in names]
    for name in chosen:
        if chosen.count(name) > 1:
            raise UsageError(f"style '{name}' was named {chosen.count(name)} times; name each style once")
    return chosen


def make_mix(
    styles: Sequence[str],
    weights: Sequence[float] | Mapping[str, float] | None = None,
    chosen: Sequence[str] | None = None,
    model: str = "",
) -> Mix:
    """Turn weights into a mix.

    Args:
        styles: The styles of the model.
        weights: One number per style by position, or numbers by name. None weights all styles equally.
        chosen: The styles to mix, in the order of ``weights``. None stands for all styles of the model.
        model: The model in words, for messages.

    Returns:
        The weights above 0 by style name, normalized to sum to 1.

    Raises:
        UsageError: If the count is wrong, a name is unknown, a weight is negative or not finite, or all weights are 0.
    """
    names = choose_styles(chosen, styles, model) if chosen is not None else list(styles)
    if isinstance(weights, Mapping):
        by_name = dict(zip(choose_styles(list(weights), styles, model), weights.values(), strict=True))
        outside = [name for name in by_name if name not in names]
        if outside:
            raise UsageError(f"weights name '{outside[0]}', which is not among the styles chosen: {', '.join(names)}")
    else:
        if weights is not None and not isinstance(weights, Iterable):
            raise UsageError(f"the weights are {weights!r}; expected one number per style, or numbers by name")
        values = [1.0] * len(names) if weights is None else list(weights)
        if len(values) != len(names):
            hint = (
                ""
                if chosen is not None
                else f"; choose some of them with `styles`, or weigh by name, such as {names[0]}=1"
            )
            whose = f" of {model}" if model and chosen is None else ""
            there = f"{len(names)} styles{whose} ({', '.join(names)})"
            raise UsageError(f"got {len(values)} weights for {there}{hint}{shipped_hint(model)}")
        by_name = dict(zip(names, values, strict=True))
    for name, value in by_name.items():
        if not isinstance(value, SupportsFloat):
            raise UsageError(f"the weight of '{name}' is {value!r}; expected a finite number of at least 0")
        if not 0 <= value <= sys.float_info.max:
            raise UsageError(f"the weight of '{name}' is {value}; expected a finite number of at least 0")
    if not by_name:
        raise UsageError(f"no style was named; choose among {', '.join(styles)}{shipped_hint(model)}")
    largest = max(by_name.values())
    if largest == 0:
        raise UsageError("all weights are 0; expected at least one above 0")
    shares = {name: value / largest for name, value in by_name.items()}  # Their sum is always finite.
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items() if share > 0}


def weights_to_mix(weights: Weights, styles: Sequence[str], model: str = "") -> Mix:
    """Convert weights in any form to a mix; see :func:`make_mix`.

    Raises:
        UsageError: As :func:`make_mix` does, and if there are no weights though the model has several styles.
    """
    if isinstance(weights, str):
        return make_mix(styles, chosen=[weights], model=model)
    if weights is None and len(styles) > 1:
        raise UsageError(
            f"{model} has {len(styles)} styles; choose one or weigh them: {', '.join(styles)}{shipped_hint(model)}"
        )
    return make_mix(styles, weights, model=model)


def parse_weights(text: str) -> list[float] | dict[str, float]:
    """Parse weights such as ``0.5,0.5`` or ``starry-night=0.7,great-wave=0.3``.

    Raises:
        UsageError: If the text has neither form, or names a style twice.
    """
    parts = [part.strip() for part in text.split(",")]
    named = [part.partition("=") for part in parts]
    try:
        if all(equals for _, equals, _ in named):
            by_name = {name.strip(): float(value) for name, _, value in named}
            if len(by_name) < len(parts):
                raise UsageError(f"`weights` is '{text}', which names a style twice; name each style once")
            return by_name
        return [float(part) for part in parts]
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"`weights` is '{text}'; expected numbers such as 0.5,0.5 or names such as starry-night=0.7,great-wave=0.3"
        ) from None


def label(mix: Mix) -> str:
    """Return a mix's part of a file name: a single style's name, or ``a50+b50`` in percent, where only the three
    heaviest of more styles are named."""
    if len(mix) == 1:
        return next(iter(mix))
    heaviest = sorted(mix.items(), key=lambda item: -item[1])[:LABELLED] if len(mix) > LABELLED else mix.items()
    more = f"+{len(mix) - LABELLED}-more" if len(mix) > LABELLED else ""
    return "+".join(f"{name}{100 * weight:.3g}" for name, weight in heaviest) + more
