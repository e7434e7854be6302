"""Reconstruction from Python and from the command line: ``nstyle.reconstruct``."""

import dataclasses
import inspect
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from nstyle.encoders.load import EncoderWeights, load_encoder_weights
from nstyle.encoders.vgg_weights import default_source
from nstyle.errors import NstyleError, UsageError, check_setting
from nstyle.imaging.animation import check_format
from nstyle.imaging.pictures import PictureSource, to_image
from nstyle.reconstruction.config import TUNED_RELEASE, ReconstructionConfig
from nstyle.reconstruction.config_file import settings_text
from nstyle.reconstruction.configure import make_config, named_in
from nstyle.reconstruction.engine import Progress, Reconstruction, StopReason
from nstyle.reconstruction.layer_weights import Layers
from nstyle.reconstruction.pictures import Pictures
from nstyle.reconstruction.recorder import Recorder
from nstyle.reconstruction.run_description import describe, identity
from nstyle.reconstruction.run_folder import OtherRunError, RunFolder
from nstyle.renamed import renamed
from nstyle.settings import check_names
from nstyle.system.interrupts import InterruptedRunError, caught_signals
from nstyle.system.memory import is_out_of_memory
from nstyle.system.output_folders import output_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReconstructionResult:
    """The result of a reconstruction."""

    image: Tensor
    """The best picture, RGB (3, H, W) in [0, 1] on the CPU."""
    iteration: int
    """The iteration of the best picture."""
    loss: float
    """The weighted loss of the best picture."""
    terms: dict[str, float]
    """The unweighted losses of the best picture by layer."""
    initial: dict[str, float]
    """The unweighted losses of the start, at the first size of a ladder."""
    iterations: int
    """The number of updates."""
    stopped: StopReason
    """Why the run ended."""
    seconds: float
    """The time of the optimization, added up over resumed runs."""
    config: ReconstructionConfig
    """The settings, with all defaults filled in."""

    def to_image(self) -> Image.Image:
        """Convert the picture to a Pillow image."""
        return to_image(self.image)


@renamed(weights="encoder", callback="progress")
def reconstruct(
    *,
    style: PictureSource | Sequence[PictureSource] | None = None,
    content: PictureSource | None = None,
    layers: Layers | None = None,
    style_layers: Layers | None = None,
    content_layers: Layers | None = None,
    schedule: str | None = None,
    encoder: EncoderWeights | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    snapshots_every: int = 0,
    animation: str | None = None,
    tensorboard: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> ReconstructionResult:
    """Optimize a picture to match the style of one picture, the content of another, or both, in the features of VGG.

    Args:
        style: A style picture or several: a file, a Pillow image, a tensor, RGB (3, H, W) or (1, 3, H, W), or an array,
            RGB (H, W, 3). Tensors and arrays are uint8, or float in [0, 1].
        content: A content picture, of the same types.
        layers: The ``style_layers`` if there is only a style, or the ``content_layers`` if there is only a content.
        style_layers: Names, ``"relu1_1,relu2_1=0.5"``, or weights by name. Default with both pictures: relu1_1 to
            relu5_1.
        content_layers: As ``style_layers``. Default with both pictures: relu4_2.
        schedule: ``"inversion-table"`` for the schedule of the style-inversion chapter. Other settings override it.
        encoder: A VGG release or lite in memory. None: what the setting ``vgg`` names (a file, ``imagenet`` or
            ``lite``), else ``NSTYLE_VGG``, else ``imagenet``.
        out: Folder for result, losses, snapshots and state. None: nothing is written.
        resume: Continue the run in ``out`` with identical bits, for more iterations.
        overwrite: Replace the run in ``out``.
        snapshots_every: Iterations between snapshots in ``out``; 0 for none.
        animation: ``"gif"``, ``"webp"`` or ``"mp4"`` to write the snapshots as an animation as well.
        tensorboard: Write event files as well.
        progress: Called with the progress at the start and after every update.
        settings: Fields of :class:`nstyle.reconstruction.config.ReconstructionConfig`.

    Returns:
        The best picture and how it was reached.

    Raises:
        UsageError: If pictures, layers, weights or settings do not fit together, or another process writes to ``out``.
        NstyleError: If the loss becomes non-finite or a file cannot be written; what was written before stays.
    """
    check_names(settings, arguments())
    if resume and overwrite:
        raise UsageError("`resume` and `overwrite` were given together; choose one")
    pictures = Pictures.read(styles=as_sequence(style), content=content)
    config = make_config(
        pictures,
        layers=layers,
        style_layers=style_layers,
        content_layers=content_layers,
        schedule=schedule,
        networks=(encoder.architecture,) if encoder else (),
        **settings,
    )
    with _claimed(out, resume=resume, overwrite=overwrite) as folder:
        if folder is None and (snapshots_every or animation or tensorboard or resume):
            raise UsageError("snapshots, animation, TensorBoard and resume need a folder; give out (`out` DIR)")
        _check_snapshots(snapshots_every, animation)
        if encoder is not None and config.network not in (None, encoder.architecture):
            raise UsageError(
                f"`encoder` is {encoder.architecture}, but `network` is {config.network}; leave `network` out"
            )
        encoder_weights = encoder or load_encoder_weights(config.vgg or None, architecture=config.network)
        config = named_in(config, encoder_weights.architecture)
        run = Reconstruction(config, pictures, encoder_weights)
        if config.is_transfer and settings.get("style_weight") is None:
            _warn_of_release(encoder_weights.release)
        if folder is None:
            _optimize(run, progress or (lambda now: None))
        else:
            recorder = Recorder(
                folder,
                run,
                identity(config, pictures, encoder_weights),
                settings_text(config, pictures, default_source(config.vgg) if config.vgg or not encoder else ""),
                snapshots_every,
                tensorboard,
                resumed=resume,
            )
            if resume:
                _resume(run, recorder)
            _run_recorded(run, recorder, progress, encoder_weights, animation)
        assert run.best is not None
        assert run.stopped is not None
        best = run.best
        return ReconstructionResult(
            run.picture(), best.iteration, best.loss, best.terms, run.initial, run.iteration, run.stopped, run.seconds,
            config
        )  # fmt: skip


def arguments() -> list[str]:
    """List everything that :func:`reconstruct` takes by name."""
    own = [name for name in inspect.signature(reconstruct).parameters if name != "settings"]
    return [*own, *(f.name for f in dataclasses.fields(ReconstructionConfig) if f.name not in own)]


@contextmanager
def _claimed(out: str | Path | None, *, resume: bool, overwrite: bool) -> Iterator[RunFolder | None]:
    """Lock the folder of the run, unless it holds another run that may not be replaced."""
    if out is None:
        yield None
        return
    folder = RunFolder(output_folder(out, "reconstruction"))
    with folder.lock():
        if (folder.description.exists() or folder.state.exists()) and not (resume or overwrite):
            raise UsageError(
                f"{folder.path} holds a reconstruction already; continue it with `resume`, replace it with "
                "`overwrite`, or choose another `out`"
            )
        yield folder


def _warn_of_release(release: str) -> None:
    if release != TUNED_RELEASE:
        logger.warning(
            "the default style weight was chosen with %s weights and these are %s: look at the picture, and give "
            "`style_weight`",
            TUNED_RELEASE,
            release,
        )


def _resume(run: Reconstruction, recorder: Recorder) -> None:
    folder = recorder.folder
    state = folder.read_state(recorder.identity)
    try:
        run.load_state_dict(state)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise folder.broken_state(error) from error
    if run.iteration > run.iterations:
        raise OtherRunError(
            f"{folder.path} stands at iteration {run.iteration} already; resume with more, or choose another `out`"
        )


def _check_snapshots(snapshots_every: int, animation: str | None) -> None:
    check_setting(snapshots_every >= 0, "snapshots_every", snapshots_every, "at least 0 (0 for none)")
    if animation and not snapshots_every:
        raise UsageError(f"an animation ({animation}) is made of snapshots; give `snapshots_every` as well, such as 20")
    if animation:
        check_format(Path(f"animation.{animation}"))


def _optimize(run: Reconstruction, progress: Callable[[Progress], None]) -> None:
    """Run to the end.

    Raises:
        NstyleError: If the loss becomes non-finite, the memory is too small, or the run is interrupted.
    """
    try:
        run.run(progress)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise NstyleError(
            f"there is not enough memory on {run.device} at {run.sizes[run.scale]} px; give a smaller `size` or fewer "
            "layers"
        ) from error


def _run_recorded(
    run: Reconstruction,
    recorder: Recorder,
    progress: Callable[[Progress], None] | None,
    encoder_weights: EncoderWeights,
    animation: str | None,
) -> None:
    """Run to the end. After Ctrl-C and SIGTERM the iteration is completed, and the state is saved."""
    with caught_signals() as caught:

        def record(now: Progress) -> None:
            recorder(now)
            try:
                if progress:
                    progress(now)
            except BaseException:
                recorder.save()
                raise
            if caught:
                recorder.save()
                stopped = f"stopped at iteration {now.iteration} of {now.iterations}"
                raise InterruptedRunError(
                    f"{stopped}; everything is saved in {recorder.folder.path}, `resume` goes on", caught[0]
                )

        try:
            _optimize(run, record)
            recorder.finish(describe(run, encoder_weights, recorder.folder.path), animation)
            if caught:
                raise InterruptedRunError(
                    f"stopped after the last iteration; {recorder.folder.path} is whole", caught[0]
                )
        except BaseException:
            recorder.save_picture()
            raise
        finally:
            recorder.close()


def as_sequence(style: PictureSource | Sequence[PictureSource] | None) -> tuple[PictureSource, ...]:
    """Return no, one or several style pictures as a tuple."""
    if style is None:
        return ()
    if isinstance(style, str | os.PathLike | Image.Image | Tensor | np.ndarray):
        return (style,)
    return tuple(style)
