"""Photographs, crops and paintings."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nstyle.data.coco import index_coco
from nstyle.data.crops import CropSampler, center_crops, crop_resized, hold_out
from nstyle.data.photos import ReadMonitor, index_folder, probe
from nstyle.data.styles import StyleFile, compute_targets, find_styles, logit_colors, under_stored_names
from nstyle.encoders.vgg import VGGWeights
from nstyle.errors import NstyleError, UsageError
from nstyle.losses.perceptual import PerceptualLoss
from nstyle.losses.presets import RELATIVE
from nstyle.models.style_names import check_style_names, former_style_name, style_name


def noise(size: tuple[int, int] = (60, 50), seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


@pytest.fixture
def odd_photos(tmp_path: Path) -> Path:
    """Every kind of file that a folder of downloads holds."""
    folder = tmp_path / "odd"
    (folder / "deep" / "er").mkdir(parents=True)
    noise().save(folder / "deep" / "er" / "nested.jpg")
    noise().convert("CMYK").save(folder / "cmyk.jpg")
    noise().convert("P").save(folder / "palette.png")
    transparent = noise()
    transparent.putalpha(100)
    transparent.save(folder / "transparent.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, (50, 60), dtype=np.uint16)).save(folder / "deep16.png")
    noise().save(folder / "animated.gif", save_all=True, append_images=[noise(seed=1)])
    for i in range(20):
        noise(seed=i).save(folder / f"plain{i:02d}.png")
    noise((20, 20)).save(folder / "tiny.png")
    (folder / "text.txt").write_text("not a picture")
    return folder


def test_odd_files_are_converted_or_skipped_and_named(odd_photos: Path) -> None:
    (odd_photos / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    index = index_folder(odd_photos)
    assert len(index.files) == 26
    assert sorted(Path(name).name for name in index.skipped) == ["broken.jpg", "tiny.png"]
    assert "tiny (20x20 px)" in index.skipped[str(odd_photos / "tiny.png")]
    sampler = CropSampler(index, 32, seed=0)
    batch = sampler.batch(0, 26)
    assert batch.shape == (26, 3, 32, 32)
    assert batch.dtype == torch.uint8
    assert not sampler.monitor.broken


def test_index_is_cached_and_notices_changes(odd_photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_folder(odd_photos)
    reads: list[Path] = []
    import nstyle.data.photos as photos_module

    original = photos_module.read_size
    monkeypatch.setattr(photos_module, "read_size", lambda path: (reads.append(path), original(path))[1])
    index_folder(odd_photos)
    assert reads == []
    noise((80, 80)).save(odd_photos / "plain00.png")
    index_folder(odd_photos)
    assert [path.name for path in reads] == ["plain00.png"]


def test_truncated_photograph_is_replaced_and_counted(odd_photos: Path) -> None:
    path = odd_photos / "plain05.png"
    path.write_bytes(path.read_bytes()[:2000])  # The header is fine.
    index = index_folder(odd_photos)
    sampler = CropSampler(index, 32, seed=0)
    assert sampler.batch(0, len(index.files)).shape[0] == len(index.files)
    assert list(sampler.monitor.broken) == [str(path)]


def test_many_broken_files_end_the_run_at_the_start(odd_photos: Path) -> None:
    for i in range(6):
        path = odd_photos / f"plain{i:02d}.png"
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(NstyleError, match=r"6 of 26 photographs cannot be read, more than 5%: .*plain0"):
        probe(index_folder(odd_photos), seed=0)


def test_many_broken_reads_end_the_run_later() -> None:
    monitor = ReadMonitor()
    for i in range(50):
        monitor.record(Path(f"{i}.jpg"), "broken")
    for _ in range(940):
        monitor.record(Path("fine.jpg"), None)
    with pytest.raises(NstyleError, match="51 of 1000"):
        monitor.record(Path("50.jpg"), "broken")


def test_empty_and_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no usable photograph"):
        index_folder(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        index_folder(tmp_path / "nothing")


def test_crops_depend_on_seed_and_position_only(photos: Path) -> None:
    """tyui592 rebuilds its loader each step; pytorch/examples does not shuffle."""
    index = index_folder(photos)
    a, b = CropSampler(index, 48, seed=1), CropSampler(index, 48, seed=1)
    direct = [a.batch(update, 2) for update in range(5)]
    ahead = list(b.batches(0, 5, 2))
    resumed = list(CropSampler(index, 48, seed=1).batches(3, 5, 2))
    assert all(torch.equal(x, y) for x, y in zip(direct, ahead, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(direct[3:], resumed, strict=True))
    assert not torch.equal(direct[0], CropSampler(index, 48, seed=2).batch(0, 2))
    order = [a.draws.order(epoch) for epoch in range(6)]
    assert all(sorted(o) == [0, 1, 2, 3] for o in order)
    assert len({tuple(o) for o in order}) > 1


def test_crops_larger_than_the_photograph(photos: Path) -> None:
    assert CropSampler(index_folder(photos), 200, seed=0).sample(0).shape == (3, 200, 200)


@pytest.mark.parametrize(
    ("resized", "corner"), [((81, 60), (0, 0)), ((81, 60), (49, 28)), ((107, 80), (31, 17)), ((140, 105), (108, 73))]
)
def test_a_crop_is_cut_from_the_resized_whole(photo: Path, resized: tuple[int, int], corner: tuple[int, int]) -> None:
    """Only the square is computed, and yet no edge shows: neither a shift nor a frame of repeated pixels."""
    with Image.open(photo) as opened:
        image = opened.resize((140, 105))
    left, top = corner
    crop = crop_resized(image, resized, left, top, 32)
    whole = image.resize(resized, Image.Resampling.LANCZOS).crop((left, top, left + 32, top + 32))
    assert np.abs(np.asarray(crop, dtype=int) - np.asarray(whole, dtype=int)).max() <= 1


def test_torchvision_that_does_not_fit_is_one_line(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pytorch#122494, vision#9085: a CPU torch beside a CUDA torchvision fails with 'torchvision::nms does not
    exist'."""
    import sys

    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2", None)
    with pytest.raises(NstyleError, match="torchvision does not work with this torch"):
        CropSampler(index_folder(photos), 48, seed=1).batch(0, 2)


def test_hold_out_is_disjoint_and_no_seed_decides(photos: Path) -> None:
    """Two seeds of one setting can be compared only on photographs that neither has seen."""
    index = index_folder(photos)
    rest, held_out = hold_out(index, 16)
    assert len(held_out.files) == 2  # at most half
    assert set(rest.files) | set(held_out.files) == set(index.files)
    assert not set(rest.files) & set(held_out.files)
    assert hold_out(index, 1)[1].files == held_out.files[:1]
    assert center_crops(held_out, 40).shape == (2, 3, 40, 40)


@pytest.fixture
def coco(tmp_path: Path, photos: Path) -> Path:
    names = ["astronaut.jpg", "coffee.jpg", "more/chelsea.jpg", "lost.jpg"]
    annotations = {
        "images": [{"id": i, "file_name": name, "width": 140, "height": 140} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 10 + i, "image_id": image, "category_id": category, "bbox": [0, 0, 9, 9], "area": 81, "iscrowd": 0}
            for i, (image, category) in enumerate([(0, 1), (2, 2), (3, 2)])
        ],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(annotations))
    return path


def test_coco_annotations(coco: Path, photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = index_coco(coco, photos)
    assert [path.name for path in index.files] == ["astronaut.jpg", "coffee.jpg", "chelsea.jpg"]
    assert "1 of 4 photographs listed" in caplog.text
    assert [path.name for path in index_coco(coco, photos, ("cat",)).files] == ["chelsea.jpg"]
    assert len(index_coco(coco, photos, ("cat", "person")).files) == 2


def test_coco_errors(coco: Path, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="category 'dog' is not in"):
        index_coco(coco, photos, ("dog",))
    with pytest.raises(UsageError, match="none of the 4 photographs"):
        index_coco(coco, tmp_path)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(NstyleError, match="is not a COCO annotation file"):
        index_coco(tmp_path / "bad.json", photos)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("hokusai_great-wave", "hokusai-great-wave"),
        ("Starry Night (1889)", "starry-night-1889"),
        ("Ü1", "ü1"),
        ("E\u0301douard Manet", "édouard-manet"),
        ("葛飾北斎_神奈川沖浪裏", "葛飾北斎-神奈川沖浪裏"),
        ("हिन्दी कला", "हिन्दी-कला"),
        ("\u2764\ufe0f wave\u200b", "wave"),
        ("caf\udce9", "caf"),
        ("__", "style-9911f4d2"),
        ("\udce9", "style-de2e331d"),
        ("a" * 300, "a" * 100),
        ("あ" * 60, "あ" * 33),
        ("a" * 99 + "e\u0323\u0301", "a" * 99),
    ],
)
def test_style_names(stem: str, name: str) -> None:
    assert style_name(Path(f"styles/{stem}.jpg")) == name
    name.encode()
    check_style_names([name])


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("hokusai_Great-wave", "hokusai-great-wave"),
        ("Ü1", "1"),
        ("Édouard", "douard"),
        ("梵高", "style"),
        ("\udce9", "style"),
        ("a" * 250, "a" * 250),
    ],
)
def test_names_that_version_0_1_stored_can_be_read(stem: str, name: str) -> None:
    assert former_style_name(Path(f"{stem}.jpg")) == name
    check_style_names([name])


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/x",
        "..",
        "",
        "A",
        "a b",
        "a--b",
        "-a",
        "a\n",
        "a\x1b[31m",
        "a\u202eb",
        "e\u0301",
        "x" * 256,
        None,
        5,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: object) -> None:
    with pytest.raises(UsageError, match="a style is called"):
        check_style_names(["a", name])
    with pytest.raises(UsageError, match="two styles are called 'a'"):
        check_style_names(["a", "b", "a"])


def files(*stems: str) -> list[StyleFile]:
    return [StyleFile(style_name(Path(f"{stem}.jpg")), Path(f"{stem}.jpg")) for stem in stems]


@pytest.mark.parametrize(
    ("stems", "stored", "names"),
    [
        (["Édouard", "waves"], ["douard", "waves"], ["douard", "waves"]),
        (["Édouard", "waves"], ["édouard", "waves"], ["édouard", "waves"]),
        (["Édouard", "waves"], ["édouard", "douard"], ["édouard", "waves"]),
        (["梵高"], ["style"], ["style"]),
        (["梵高", "葛飾"], ["style"], ["梵高", "葛飾"]),
        (["Édouard", "douard"], ["douard"], ["édouard", "douard"]),
        (["waves"], ["mosaic"], ["waves"]),
        (["x" * 200], ["x" * 200], ["x" * 200]),
        (["a", "b"], [], ["a", "b"]),
    ],
)
def test_paintings_are_found_under_the_names_of_version_0_1(
    stems: list[str], stored: list[str], names: list[str]
) -> None:
    assert [style.name for style in under_stored_names(files(*stems), stored)] == names


def test_find_styles_keeps_the_order_and_takes_patterns_and_folders(styles: Path) -> None:
    """kewellcjj's unsorted listdir decides its style ids."""
    files = [styles / "waves.png", styles / "hatching.png"]
    assert [s.name for s in find_styles(files)] == ["waves", "hatching"]
    assert [s.name for s in find_styles([str(styles / "*.png")])] == ["hatching", "mosaic", "waves"]
    assert [s.name for s in find_styles([styles])] == ["hatching", "mosaic", "waves"]


def test_equal_style_names_and_missing_files_are_refused(styles: Path, tmp_path: Path) -> None:
    noise().save(tmp_path / "WAVES.jpg")
    with pytest.raises(UsageError, match="would both be style 'waves'"):
        find_styles([styles / "waves.png", tmp_path / "WAVES.jpg"])
    with pytest.raises(UsageError, match="no picture found"):
        find_styles([tmp_path / "*.tif"])


def test_style_targets_keep_the_aspect_and_the_order(styles: Path, random_vgg: VGGWeights) -> None:
    """tyui592 computes style features anew at each step; pytorch/examples squashes the style to a square."""
    loss = PerceptualLoss(RELATIVE, random_vgg)
    files = find_styles([styles / "waves.png", styles / "mosaic.png"])
    both = compute_targets(files, loss, 40, torch.device("cpu"))
    assert all(value.shape[0] == 2 and value.dtype == torch.float32 for value in both.values())
    alone = compute_targets(files[1:], loss, 40, torch.device("cpu"))
    for term in both:
        torch.testing.assert_close(both[term][1:], alone[term])


def test_logit_colors_describe_the_painting(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (255, 128, 0)).save(tmp_path / "flat.png")
    mean, std = logit_colors(find_styles([tmp_path / "flat.png"]))
    torch.testing.assert_close(torch.sigmoid(mean), torch.tensor([[0.98, 128 / 255, 0.02]]))
    torch.testing.assert_close(std, torch.zeros(1, 3), atol=1e-5, rtol=0.0)
