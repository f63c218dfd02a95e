"""Under torchrun each process of a study trains runs of its own, instead of a share of one."""

from collections.abc import MutableMapping

import torch
from lightning.pytorch.utilities import rank_zero_only

LAUNCHED = "TORCHELASTIC_RUN_ID"
SHARED = (
    LAUNCHED, "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK",
    "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "ROLE_NAME", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
"""What tells Lightning that a process is one of several of the same training."""

VISIBLE = "CUDA_VISIBLE_DEVICES"


def work_alone(environ: MutableMapping[str, str]) -> None:
    """Forget the other processes, in this process's environment; of several GPUs take the one whose
    turn it is. To be called before CUDA is used. Does nothing where torchrun did not start it.
    """
    if LAUNCHED not in environ:
        return
    place = int(environ["LOCAL_RANK"])
    if count := torch.cuda.device_count():
        known = environ.get(VISIBLE) or ",".join(map(str, range(count)))
        environ[VISIBLE] = known.split(",")[place % count]
    for name in SHARED:
        environ.pop(name, None)
    rank_zero_only.rank = 0  # type: ignore[attr-defined]  # set by its own module, too
