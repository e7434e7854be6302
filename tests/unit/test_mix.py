"""Choosing and weighing styles."""

import pytest

from nstyle.errors import UsageError
from nstyle.inference.mix import label, make_mix, parse_weights
from nstyle.models.style_names import match_style

STYLES = ("van-gogh-starry-night", "hokusai-great-wave", "van-gogh-olive-trees")


@pytest.mark.parametrize(
    ("query", "name"),
    [("great-wave", STYLES[1]), ("STARRY", STYLES[0]), ("van-gogh-olive-trees", STYLES[2]), (" olive ", STYLES[2])],
)
def test_a_part_of_one_name_is_enough(query: str, name: str) -> None:
    assert match_style(query, STYLES) == name


def test_an_exact_name_wins_over_longer_ones() -> None:
    assert match_style("wave", ("wave", "great-wave")) == "wave"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("van-gogh", "fits several"),
        ("great-wav3", "did you mean 'hokusai-great-wave'"),
        ("picasso", "there is no style 'picasso'"),
        ("", "no style"),
    ],
)
def test_unknown_and_ambiguous_names(query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        match_style(query, STYLES)


def test_weights_by_position_are_normalized() -> None:
    assert make_mix(STYLES, [1, 1, 2]) == {STYLES[0]: 0.25, STYLES[1]: 0.25, STYLES[2]: 0.5}
    assert make_mix(STYLES, [0, 3, 0]) == {STYLES[1]: 1.0}


def test_weights_by_name_and_for_chosen_styles() -> None:
    assert make_mix(STYLES, {"starry": 0.7, "wave": 0.3}) == pytest.approx({STYLES[0]: 0.7, STYLES[1]: 0.3})
    assert make_mix(STYLES, [3, 1], chosen=["olive", "wave"]) == {STYLES[2]: 0.75, STYLES[1]: 0.25}
    assert make_mix(STYLES, chosen=["olive", "wave"]) == {STYLES[2]: 0.5, STYLES[1]: 0.5}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5, 0.5], r"got 2 weights for 3 styles .*`styles`"),
        ([1, -1, 1], "expected a finite number of at least 0"),
        ([1, float("nan"), 1], "expected a finite number"),
        ([0, 0, 0], "all weights are 0"),
        ({"starry": 0.5, "van-gogh-starry-night": 0.5}, "named 2 times"),
        ({"picasso": 1.0}, "there is no style 'picasso'"),
    ],
)
def test_bad_weights(weights: list[float] | dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_mix(STYLES, weights)


def test_parse_weights() -> None:
    assert parse_weights("0.5, 0.25,.25") == [0.5, 0.25, 0.25]
    assert parse_weights("starry-night=0.7,great-wave=.3") == {"starry-night": 0.7, "great-wave": 0.3}
    for text in ("a,b", "0.5,wave=0.5", "", "wave=x"):
        with pytest.raises(UsageError, match="`weights` is"):
            parse_weights(text)
    with pytest.raises(UsageError, match="names a style twice"):
        parse_weights("a=1,a=2")


def test_labels_are_short_and_tell_blends_apart() -> None:
    assert label({"a": 1.0}) == "a"
    assert label({"a": 0.5, "b": 0.5}) == "a50+b50"
    assert label({"a": 1 / 3, "b": 2 / 3}) == "a33.3+b66.7"
    assert label({"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}) == "d40+c30+b20+1-more"
