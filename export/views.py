"""How many mirror images of a tile a bundle averages, chosen after training."""

from contract.errors import ConfigError
from export.images import Images
from training.calibration import calibrate
from training.config import load_settings
from training.networks.deployed import Deployed, Views
from training.report import log_probabilities
from training.run import CONFIG, Run


def with_views(run: Run, images: Images, views: Views) -> Run:
    """The run with so many views; temperature and thresholds are found anew on its validation part.
    Thresholds from a cost table stay, since they follow from the costs alone.

    Raises:
        ConfigError: it was not trained on such mirror images.
    """
    if not load_settings(run.path / CONFIG).augment.shows(views):
        raise ConfigError(
            f"--views {views}: {run.path} was trained without such mirror images"
            " (augment.flip_across, for 4 flip_along too)"
        )
    record, held_out = run.record, images.part("validation")
    plain = Deployed(run.load_network(), record.mean, record.std, 1.0, views).eval()
    logs = log_probabilities(plain, held_out.pixels)
    temperature, thresholds = calibrate(logs, held_out.truth, run.classes)
    changes: dict[str, object] = {"views": views, "temperature": temperature}
    if not record.operating:
        changes["thresholds"] = thresholds
    return Run(run.path, record.model_copy(update=changes))
