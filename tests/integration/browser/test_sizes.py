"""How large the pages of the shipped models are, and how long it takes to write one."""

import time

import pytest

from cnnzoo import data
from cnnzoo.browser.nets import net_of
from cnnzoo.browser.play import write


@pytest.mark.parametrize(
    ("name", "megabytes"), [("lenet5_mnist", 0.8), ("cuda_convnet_cifar10", 2), ("deep_autoencoder_mnist", 9)]
)
def test_pages_with_500_test_images_are_small(name, megabytes, tmp_path):
    net, path = net_of(name), tmp_path / "play.html"
    if not data.is_at_hand(net.data):
        pytest.skip(f"{net.data} is not on this machine")
    start = time.process_time()
    write([net], path)
    print(f"{name}: {path.stat().st_size / 1e6:.2f} MB, {time.process_time() - start:.1f} s of processor time")
    assert path.stat().st_size <= megabytes * 1e6
