"""Start weights from a file, and files that are none."""

from pathlib import Path

import pytest
import torch

from contract.errors import ConfigError
from training.init import initialise
from training.networks.resnet import ResNet34
from training.run import load_state_dict


def test_colour_weights_act_on_grey(tmp_path: Path) -> None:
    donor = ResNet34(1000)
    state = donor.state_dict()
    state["conv1.weight"] = torch.randn(64, 3, 7, 7)
    torch.save(state, tmp_path / "w.pt")
    network = ResNet34(7)
    fresh = initialise(network, tmp_path / "w.pt")
    assert fresh == ["fc.weight", "fc.bias"]
    assert torch.equal(network.conv1.weight, state["conv1.weight"].sum(1, keepdim=True))
    name = "layer4.2.conv2.weight"
    assert torch.equal(network.state_dict()[name], state[name])


def test_other_networks_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match=r"has no conv1\.weight"):
        initialise(ResNet34(7), tmp_path / "w.pt")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04broken"])
def test_files_without_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.pt").write_bytes(content)
    with pytest.raises(ConfigError, match="not a PyTorch state dict"):
        load_state_dict(tmp_path / "w.pt")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (str(tmp_path / "touched"),)

    torch.save({"x": Hostile()}, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match="without running code"):
        load_state_dict(tmp_path / "w.pt")
    assert not (tmp_path / "touched").exists()
