"""Lightning without its advice."""

import logging
import warnings

from lightning.fabric.utilities.warnings import PossibleUserWarning


class quiet(warnings.catch_warnings):  # noqa: N801 - a context manager, read as a verb
    """Lightning's advice on loader processes (the data is in memory) and on its other products."""

    def __enter__(self) -> None:
        super().__enter__()
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        warnings.simplefilter("ignore", PossibleUserWarning)
        warnings.filterwarnings("ignore", message=".*treespec.*")
        warnings.filterwarnings("ignore", message="Grad strides do not match")  # channels-last
        warnings.filterwarnings("ignore", message="Checkpoint directory .* is not empty")
