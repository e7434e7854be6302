"""Keyframes: what they say, what lies between them, and what is refused."""

import pytest

from nstyle.errors import UsageError
from nstyle.video.keyframes import Keyframes

STYLES = ("van-gogh-starry-night", "hokusai-great-wave", "munch-scream")


def read(*texts: str) -> Keyframes:
    return Keyframes.read(texts, STYLES, "the model")


def test_mixes_are_blended_evenly_between_keyframes_and_constant_outside() -> None:
    keyframes = read("1s:starry-night", "5s:great-wave=3,scream=1")
    first, last = {"van-gogh-starry-night": 1.0}, {"hokusai-great-wave": 0.75, "munch-scream": 0.25}
    assert keyframes.duration == 5
    assert keyframes.at(-1) == keyframes.at(0.5) == keyframes.at(1) == first
    assert keyframes.at(5) == keyframes.at(100) == last
    for seconds in (1.5, 2.0, 4.75):
        share = (seconds - 1) / 4
        mix = keyframes.at(seconds)
        assert mix == pytest.approx({name: share * value for name, value in last.items()} | {STYLES[0]: 1 - share})
        assert sum(mix.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("time", "seconds"), [("0s", 0), ("5s", 5), ("1.5", 1.5), ("1:02.5", 62.5), ("1:00:01", 3601), (" 2 s", 2)]
)
def test_times_are_seconds_minutes_and_hours(time: str, seconds: float) -> None:
    assert read(f"{time}:scream").duration == seconds


@pytest.mark.parametrize("styles", ["great-wave,scream", "0,1,1", "wave=0.5,scream=0.5", " great-wave = 2, scream=2"])
def test_styles_are_written_as_for_a_picture(styles: str) -> None:
    assert read(f"0:{styles}").at(0) == {"hokusai-great-wave": 0.5, "munch-scream": 0.5}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((), "there are no `keyframes`"),
        (("scream",), "expected TIME:STYLES"),
        (("x:scream",), "expected TIME:STYLES"),
        (("1s:",), "expected TIME:STYLES"),
        (("1:2:3:4:scream",), "expected TIME:STYLES"),
        (("-1s:scream",), "a time cannot be negative"),
        (("1s:scream", "0s:great-wave"), "comes after one at 1 s"),
        (("1:scream", "1.0s:great-wave"), "two `keyframes` are at 1 s"),
        (("0:scraem",), "did you mean 'munch-scream'"),
        (("0:scream,",), "no style ''"),
        (("0:scream=-1",), "at least 0"),
        (("0:scream=x",), "the keyframe '0:scream=x'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        read(*texts)
    assert "\n" not in str(raised.value)
