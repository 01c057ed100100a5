"""The networks that restart protection is measured on."""

from __future__ import annotations

from sparsecomp.wire import Wire
from sparsecomp_tools.benchmarks.random_networks import Network, Sketch

IMAGE = Wire("u8", 1 / 255)
SENSOR = Wire("i16", 1 / 8192)


def lenet(*, dense: bool = False) -> Network:
    """LeNet's shape: 80,016 weights, 6.8 % of them not zero; or all of them there."""
    kept = (1, 1, 1, 1) if dense else (0.6, 0.1, 0.05, 0.5)
    net = Sketch((1, 28, 28), seed=11)
    net.conv(16, (5, 5), kept=kept[0]).relu().pool().conv(32, (5, 5), kept=kept[1]).relu().pool()
    return net.linear(128, kept=kept[2]).relu().linear(10, kept=kept[3]).network(IMAGE)


def demo() -> Network:
    """The demo's network with a fifth of its second convolution and a tenth of its first linear layer."""
    net = Sketch((1, 28, 28), seed=12)
    net.conv(6, (5, 5)).relu().pool().conv(12, (3, 3), kept=0.2).relu().pool()
    return net.linear(32, kept=0.1).relu().linear(10).network(IMAGE)


def separable() -> Network:
    """Depthwise-separable convolutions over time, as for activity recognition: 3 channels, 128 steps, all weights."""
    net = Sketch((3, 128), seed=13)
    net.conv(16, (5,), stride=2, pad=2).relu()
    for channels in (16, 32):
        net.conv(channels, (5,), stride=2, pad=2, groups=channels).relu().conv(2 * channels, (1,)).relu()
    return net.add("adaptive_avg_pool", output_size=(1,)).linear(6).network(SENSOR)


def sonic() -> Network:
    """The shape and sparsity of the MNIST network of SONIC (Gobieski et al., ASPLOS 2019), with random weights: a
    separated 5 x 5 convolution, 100 sparse ones of which 22 are empty, a linear layer in two sparse parts.
    """
    net = Sketch((1, 28, 28), seed=14)
    net.conv(20, (1, 1), bias=False).conv(20, (1, 5), groups=20, bias=False).conv(20, (5, 1), groups=20).relu().pool()
    net.conv(100, (5, 5), kept=931 / 50_000, empty=22).relu().pool()
    net.linear(100, kept=5456 / 160_000, bias=False).linear(500, kept=1892 / 50_000).linear(10)
    return net.network(IMAGE)


NETWORKS = {"lenet": lenet, "demo": demo, "separable": separable, "sonic": sonic}
