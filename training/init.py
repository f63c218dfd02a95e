"""Start weights from a local file, e.g. torchvision's ImageNet ResNet34."""

from pathlib import Path

from torch import Tensor, nn

from contract.errors import ConfigError
from training.run import load_state_dict

INPUT, HEAD = "conv1.weight", ("fc.weight", "fc.bias")


def initialise(network: nn.Module, path: Path) -> list[str]:
    """Load weights by name; returns the names that keep their fresh values.

    A first convolution for colour is summed over its channels: on a grey picture, whose three
    channels are equal, that gives the same output. The head is left fresh where the classes differ
    in number.

    Raises:
        ConfigError: no safe state dict, or one of another network.
    """
    loaded = {name.removeprefix("module."): value for name, value in load_state_dict(path).items()}
    own = network.state_dict()
    if INPUT in loaded and INPUT in own and loaded[INPUT].shape[1:2] == (3,):
        loaded[INPUT] = loaded[INPUT].sum(dim=1, keepdim=True)
    kept = [name for name in HEAD if name in loaded and loaded[name].shape != own[name].shape]
    usable = {name: value for name, value in loaded.items() if name not in kept}
    _check(path, own, usable)
    network.load_state_dict(usable, strict=False)
    return [name for name in own if name not in usable]


def _check(path: Path, own: dict[str, Tensor], loaded: dict[str, Tensor]) -> None:
    for name, value in own.items():
        optional = name in HEAD or name.endswith("num_batches_tracked")
        if name not in loaded and not optional:
            raise ConfigError(f"{path}: has no {name}, so it is not a state dict of this network")
        if name in loaded and loaded[name].shape != value.shape:
            raise ConfigError(
                f"{path}: {name} is {tuple(loaded[name].shape)}, this network has"
                f" {tuple(value.shape)}"
            )
