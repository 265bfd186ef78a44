import pytest

from bench.machine import facts


def test_the_machine_is_described():
    described = facts.describe(["msgspec", "no-such-distribution"])
    assert described["cpu_model"]
    assert described["libraries"]["numpy"].count(".") == 2
    assert described["libraries"]["msgspec"]
    assert described["libraries"]["no-such-distribution"] is None
    assert len(described["load_average"]) == 3


def test_the_ceiling_is_a_rate_a_processor_can_have():
    assert 1e8 < facts.matmul_flops_per_second() < 1e14


@pytest.mark.parametrize(
    ("before", "after", "noisy"),
    [(100.0, 109.0, False), (100.0, 111.0, True), (111.0, 100.0, True)],
)
def test_a_ceiling_that_moves_by_more_than_a_tenth_is_noise(before, after, noisy):
    assert facts.is_noisy(before, after) is noisy


def test_modules_are_named_by_their_distributions():
    told = facts.versions_of_modules(["msgspec", "numpy", "sys", "no_such_module"])
    assert set(told) == {"msgspec", "numpy"}
    assert told["numpy"].count(".") == 2
