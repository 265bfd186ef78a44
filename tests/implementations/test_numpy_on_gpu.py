"""The from-scratch implementation on a GPU, as far as a machine without one can test it.

The arrays here compute with NumPy, but refuse what those of CuPy 14 refuse; where there is a GPU,
test_implementations.py trains on it.
"""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bench.config.compose import choices
from bench.contract import UnavailableError
from bench.training import sampling
from tests.implementations.test_numpy import N_EXAMPLES, distances, problem, set_up


class LikeCuPy(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that NumPy's functions take, but not together with one of NumPy's arrays."""

    def __init__(self, array):
        self._array = array

    def __array__(self, *_):
        raise TypeError("CuPy never converts an array to NumPy's implicitly")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        assert method == "__call__", "CuPy has few reductions of this form"
        if out:
            options["out"] = tuple(map(inner, out))
        result = ufunc(*map(inner, inputs), **options)
        return out[0] if out else LikeCuPy(result)

    def __getitem__(self, where):
        return LikeCuPy(self._array[inner(where)])

    def __setitem__(self, where, values):
        self._array[where] = inner(values)

    def __iter__(self):
        return map(LikeCuPy, self._array)

    def __len__(self):
        return len(self._array)

    def __float__(self):
        return float(self._array)

    @property
    def T(self):  # noqa: N802
        return LikeCuPy(self._array.T)

    def astype(self, dtype):
        return LikeCuPy(self._array.astype(dtype))

    def max(self, axis, keepdims):
        return LikeCuPy(self._array.max(axis=axis, keepdims=keepdims))

    def sum(self, axis=None, keepdims=False):
        return LikeCuPy(self._array.sum(axis=axis, keepdims=keepdims))

    def mean(self):
        return LikeCuPy(self._array.mean())

    def take(self, indices, axis):
        return LikeCuPy(self._array.take(inner(indices), axis=axis))

    def get(self):
        return self._array.copy()


def inner(value):
    if isinstance(value, np.ndarray):
        raise TypeError("CuPy takes none of NumPy's arrays")
    return value._array if isinstance(value, LikeCuPy) else value


LIBRARY = SimpleNamespace(
    array=lambda array: LikeCuPy(array.copy()),
    asarray=LikeCuPy,
    empty=lambda shape, dtype: LikeCuPy(np.empty(shape, dtype)),
    eye=lambda n, dtype: LikeCuPy(np.eye(n, dtype=dtype)),
    cuda=SimpleNamespace(is_available=lambda: True),
)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", LIBRARY)


@pytest.mark.parametrize("recipe", choices("recipe"))
def test_the_same_code_trains_on_arrays_that_are_not_numpys(stand_in, recipe):
    batches = sampling.batches(0, 1, N_EXAMPLES, 32)[:16]
    parameters, loss = distances(problem(recipe, device="gpu"), [batches])
    assert parameters < 2e-5
    assert loss < 1e-5


def test_results_are_numpys_arrays(stand_in):
    given = problem(device="gpu")
    model = set_up(given)
    before = model.parameters()
    model.warm_up(sampling.batches(0, 1, N_EXAMPLES, 64))
    assert type(model.predict_scores(given.train_images)) is np.ndarray
    for layer, layer_before in zip(model.parameters(), before, strict=True):
        for array, array_before in zip(layer, layer_before, strict=True):
            assert type(array) is np.ndarray
            assert np.array_equal(array, array_before)


def test_without_cupy_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UnavailableError, match="CuPy, which is not installed: make setup"):
        set_up(problem(device="gpu"))


def test_without_a_gpu_the_error_says_what_is_missing(monkeypatch):
    cuda = SimpleNamespace(is_available=lambda: False)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda))
    with pytest.raises(UnavailableError, match="CuPy finds no GPU; with an NVIDIA driver"):
        set_up(problem(device="gpu"))
