"""The float32 peak of a GPU, from the driver's attributes."""

from __future__ import annotations

import ctypes

import pytest

from bench.machine import gpu


class Driver:
    """A CUDA driver with one GPU, or none."""

    def __init__(self, attributes, n_devices=1):
        self.attributes, self.n_devices = attributes, n_devices

    def cuInit(self, _flags):  # noqa: N802
        return 0

    def cuDeviceGet(self, _device, number):  # noqa: N802
        return 0 if number < self.n_devices else 101

    def cuDeviceGetAttribute(self, value, number, _device):  # noqa: N802
        if number not in self.attributes:
            return 1
        ctypes.cast(value, ctypes.POINTER(ctypes.c_int))[0] = self.attributes[number]
        return 0


H100 = {13: 1_980_000, 16: 132, 75: 9, 76: 0}


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        (Driver(H100), 66.9e12),
        (Driver({13: 1_410_000, 16: 108, 75: 8, 76: 0}), 19.5e12),  # A100
        (Driver(H100 | {75: 99}), None),
        (Driver({75: 9, 76: 0}), None),
        (Driver(H100, n_devices=0), None),
    ],
)
def test_the_peak_is_that_of_the_data_sheet_or_unknown(driver, expected, monkeypatch):
    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: driver)
    peak = gpu.peak_flops_per_second()
    assert peak is None if expected is None else peak == pytest.approx(expected, rel=0.01)


def test_without_a_driver_the_peak_is_unknown(monkeypatch):
    monkeypatch.setattr(gpu, "DRIVER", "libnosuchdriver.so")
    assert gpu.peak_flops_per_second() is None
