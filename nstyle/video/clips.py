"""Clips among the files that are painted: which they are, what they become, and how they are painted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from nstyle.errors import UsageError
from nstyle.imaging.film import CONTAINERS, NEEDS_EXTRA, check_extra, has_extra
from nstyle.imaging.folders import Found
from nstyle.imaging.formats import VIDEOS
from nstyle.imaging.picture import Picture
from nstyle.inference.masks import Masks
from nstyle.inference.mix import Mix
from nstyle.inference.moving import MovingPictures
from nstyle.inference.options import Request
from nstyle.inference.painter import ModelNames
from nstyle.video.animations import picture_of
from nstyle.video.demuxing import container_for_sound_of
from nstyle.video.keyframes import Keyframes
from nstyle.video.kinds import WRITABLE, WRITABLE_ANIMATIONS, is_named_video, is_other_ts, kind_of
from nstyle.video.open_clip import frames_of, open_clip
from nstyle.video.options import VideoOptions

if TYPE_CHECKING:
    from nstyle.inference.stylizer import Stylizer


class Clips(MovingPictures):
    """What ``nstyle stylize`` knows of clips; see :class:`nstyle.inference.moving.MovingPictures`.

    Args:
        options: The settings of clips.
        notice: Called with one line for what is left out or not as expected, once for each line.
    """

    extensions = VIDEOS | {".apng"}
    writable = WRITABLE

    def __init__(self, options: VideoOptions, notice: Callable[[str], None]) -> None:
        self._options, self._notice = options, notice
        self._said: set[str] = set()
        self._keyframes: Keyframes | None = None
        self.label = "keyframes" if options.keyframes else ""

    def keep(self, found: list[Found]) -> list[Found]:
        kept = self._without(found, is_other_ts, "files are left out, as they are named like MPEG-TS and are none")
        if has_extra():
            return kept
        return self._without(kept, is_named_video, f"videos are left out: painting them {NEEDS_EXTRA}")

    def _without(self, found: list[Found], leave_out: Callable[[Path], bool], words: str) -> list[Found]:
        """Leave out files of folders, with a line that counts them."""
        kept = [one for one in found if one.folder is None or not leave_out(one.path)]
        words = f"{len(found) - len(kept)} {words}"
        if found and not kept:
            raise UsageError(f"nothing is left to paint; {words}")
        if len(kept) < len(found):
            self._say(words)
        return kept

    def extension(self, photo: Path) -> str:
        kind = kind_of(photo)
        if self._options.frame is not None or (kind == "still" and not self._options.keyframes):
            return ""
        own = photo.suffix.lower()
        if kind == "animation":
            return own if own in WRITABLE_ANIMATIONS else ".webp"
        if kind == "video":
            check_extra(f"{photo} is a video; painting it")
            return own if own in CONTAINERS else container_for_sound_of(photo)
        return ".mp4" if has_extra() else ".webp"

    def check(self, request: Request, clips: list[str]) -> None:
        is_print = isinstance(request.options.size, str)  # Clips get the pixels of a print as well.
        of_pictures = {
            "format": request.format,
            "quality": request.quality,
            "dpi": None if is_print else request.options.dpi,
            "keep_place": request.keep_place or None,
        }
        of_clips = {"start": self._options.start, "end": self._options.end, "steady": self._options.steady}
        for settings, unknown, known in (
            (of_pictures, clips, "pictures that stand still"),
            (of_clips, [not clip for clip in clips], "clips and animations"),
        ):
            given = [name for name, value in settings.items() if value is not None]
            if given and all(unknown):
                raise UsageError(f"`{given[0]}` is for {known}, and none is painted; leave it out")

    def picture(self, photo: Path, max_pixels: int) -> Picture | None:
        number = self._options.frame
        if number is None:
            return None
        if kind_of(photo) == "still":
            if number > 1:
                raise UsageError(f"{photo} has 1 frame; expected a `frame` of 1, not {number}")
            return None
        with open_clip(photo, self._options, max_pixels, self._say) as clip:
            count = 0
            for count, frame in enumerate(frames_of(clip), start=1):
                if count == number:
                    picture = picture_of(frame)
                    return replace(picture, rgb=picture.rgb.resize(clip.facts.square_size, Image.Resampling.LANCZOS))
        raise UsageError(f"{photo} has {count} frames; expected a `frame` of 1 to {count}, not {number}")

    def mixes(self, request: Request, model: ModelNames) -> list[Mix | None]:
        if not self._options.keyframes:
            return []
        given = ("style", "styles", "weights", "all_styles", "masks")
        other = next((name for name in given if getattr(request, name)), None)
        if other is not None:
            raise UsageError(f"`keyframes` and `{other}` were given together; choose one")
        self._keyframes = Keyframes.read(self._options.keyframes, model.styles, model.name)
        return [self._keyframes.at(0.0)]

    def paint(
        self,
        photo: str,
        output: str,
        mix: Mix | None,
        request: Request,
        stylizer: "Stylizer",
        masks: Masks,
        progress: Callable[[int, float], None],
    ) -> tuple[int, int]:
        from nstyle.video.stylize_video import stylize_clip

        if request.options.value_range is not None:
            raise UsageError(f"{photo}: `value_range` is for grey pictures of more than 8 bits; leave it out for clips")
        return stylize_clip(
            Path(photo),
            Path(output),
            stylizer,
            self._keyframes or mix,
            request.options,
            self._options,
            masks=masks,
            max_pixels=request.max_pixels,
            notice=self._say,
            progress=progress,
        )

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._notice(text)
