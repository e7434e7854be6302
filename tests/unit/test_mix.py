"""Choosing and weighing styles."""

import re
from typing import Any

import pytest

from nstyle.errors import UsageError
from nstyle.inference.mix import label, make_mix, parse_weights
from nstyle.models.style_names import match_style

STYLES = ("van-gogh-starry-night", "hokusai-great-wave", "van-gogh-olive-trees")


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("great-wave", STYLES[1]),
        ("STARRY", STYLES[0]),
        ("van-gogh-olive-trees", STYLES[2]),
        (" olive ", STYLES[2]),
        ("starry night", STYLES[0]),
        ("Starry Night", STYLES[0]),
        ("Starry_Night", STYLES[0]),
        ("van  Gogh - starry night", STYLES[0]),
        ("gogh olive", STYLES[2]),
        ("Van Gogh: (Starry) Night", STYLES[0]),
    ],
)
def test_a_part_of_one_name_is_enough_however_it_is_written(query: str, name: str) -> None:
    assert match_style(query, STYLES) == name


@pytest.mark.parametrize("query", ["Édouard", "E\u0301DOUARD", "ÉDOUARD manet", "édouard"])
def test_names_match_however_their_letters_are_composed(query: str) -> None:
    assert match_style(query, ("édouard-manet", "manet")) == "édouard-manet"


def test_an_exact_name_wins_over_longer_ones() -> None:
    assert match_style("wave", ("wave", "great-wave")) == "wave"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("van-gogh", "fits several"),
        ("great-wav3", "did you mean 'hokusai-great-wave'"),
        ("picasso", "^there is no style 'picasso'; there are: van-gogh-starry-night, "),
        ("night starry", "there is no style 'night starry'"),
        ("", "no style ''; there are: "),
    ],
)
def test_unknown_and_ambiguous_names(query: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        match_style(query, STYLES)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("starry-nigth", ["starry-night"]),
        ("Stary Night", ["starry-night"]),
        ("scraem", ["scream"]),
        ("screm", ["scream"]),
        ("udine", ["udnie"]),
        ("kandinksi", ["kandinsky"]),
        ("picasso", []),
        ("fright", []),
        ("dream", []),
        ("x", []),
    ],
)
def test_typos_are_recognized_and_other_names_are_not(query: str, names: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        match_style(query, ("scream", "udnie", "starry-night", "picabia", "kandinsky", "y"))
    suggested = re.search(r"did you mean (.*?)\?", str(raised.value))
    assert (re.findall(r"'([^']*)'", suggested[1]) if suggested else []) == names


def test_styles_that_are_equally_near_are_all_suggested() -> None:
    with pytest.raises(
        UsageError, match=r"did you mean 'van-gogh-starry-night' or 'van-gogh-olive-trees'\? There are: "
    ):
        match_style("van-gohg", STYLES)


def test_errors_name_the_model_and_the_way_to_the_shipped_one() -> None:
    with pytest.raises(UsageError) as raised:
        match_style("udnie", ("waves", "mosaic"), "checkpoints/mine")
    hint = ". The shipped model is `model` default"
    assert str(raised.value) == "checkpoints/mine has no style 'udnie'; it has: waves, mosaic" + hint
    with pytest.raises(UsageError, match=r"fits several of checkpoints/mine: .*; give more of the name\. The shipped"):
        match_style("van-gogh", STYLES, "checkpoints/mine")
    with pytest.raises(UsageError, match=r"got 1 weights for 2 styles of checkpoints/mine .*The shipped model"):
        make_mix(("waves", "mosaic"), [1], model="checkpoints/mine")
    with pytest.raises(UsageError) as raised:
        match_style("monet", ("waves", "mosaic"), "the shipped model default")
    assert str(raised.value) == "the shipped model default has no style 'monet'; it has: waves, mosaic"


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


@pytest.mark.parametrize("weights", [0.5, {"starry": "0.5"}, {"starry": None}, {}])
def test_weights_of_another_kind_are_refused_in_words(weights: Any) -> None:
    with pytest.raises(UsageError, match=r"the weight|no style was named"):
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
