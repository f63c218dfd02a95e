"""Real images through a training, an export, Basler's emulation, the daemon and a mosquitto that
stops in between.
"""

from pathlib import Path

import pytest

from contract.bundle import Bundle, open_bundle
from tests.real_line.command import call
from tests.real_line.compose import compose
from tests.real_line.drill import run_drill
from training.run import open_run

pytestmark = [
    pytest.mark.integration,
    pytest.mark.data,
    pytest.mark.timeout(600),  # a training and an export come first
]
BRIEF = """\
seed: 3
data: {fold: 4}
augment: {shift: 0.05, scale: 0, rotation_deg: 0, gain: 0.05, gamma: 0, noise_grey: 0,
          blur_share: 0, motion_share: 0, jpeg_share: 0}
student:
  input_px: 64
  stem_stride: 4
  optimise: {epochs: 8, batch_size: 32, label_smoothing: 0.02, ema_decay: 0}
evaluate: {resamples: 100}
"""


@pytest.fixture(scope="module")
def student(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student trained on real images for about a minute."""
    folder = tmp_path_factory.mktemp("student")
    (folder / "brief.yaml").write_text(BRIEF)
    words = ["student", "--data", str(real_data / "x_sdd"), "--out", str(folder / "run")]
    call("training", *words, "--no-distill", "--config", str(folder / "brief.yaml"))
    return folder / "run"


@pytest.fixture(scope="module")
def bundle(student: Path, real_data: Path) -> Bundle:
    out = student.parent / "bundle"
    words = ["bundle", "--run", str(student), "--data", str(real_data / "x_sdd")]
    # Not int8: a student this young may lose more by it than the exporter lets pass.
    call("export", *words, "--out", str(out), "--precision", "fp32")
    return open_bundle(out)


def test_every_held_out_image_is_named_as_classify_names_it_and_reaches_the_mill(
    bundle: Bundle, student: Path, real_data: Path, tmp_path: Path
) -> None:
    split = open_run(student).split
    held_out = sorted(file for file, part in split.items() if part == "test")
    assert len(held_out) > 150
    composed = compose(held_out, real_data / "x_sdd", tmp_path, bundle.card.tile_px)
    outcome = run_drill(bundle.path, composed, tmp_path)
    assert outcome.images == len(held_out)
    assert outcome.differing == []
    assert outcome.report["cells"] == {"on_time": outcome.report["expected_cells"]}
    assert outcome.report["expected_cells"] == len(composed.slots)
    assert outcome.report["defects"]
