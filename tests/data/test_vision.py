"""torchvision serves as the measure of our own readers and nets, whatever PyTorch it was built for."""

import pytest
import torch

from course_utils.data import squeezenet
from course_utils.data.vision import torchvision

pytest.importorskip("PIL", reason="torchvision needs Pillow")


@pytest.mark.filterwarnings("ignore")
def test_it_is_imported_once_and_its_models_run():
    vision = torchvision()
    assert torchvision() is vision
    net = vision.models.squeezenet1_0()
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.real_data("squeezenet")
def test_squeezenets_weights_fit_torchvisions_net():
    net = torchvision().models.squeezenet1_0()
    net.load_state_dict(squeezenet.load("full"))
