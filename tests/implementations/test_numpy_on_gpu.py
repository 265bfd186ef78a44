"""The from-scratch implementation on a GPU, as far as a machine without one can tell.

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
from implementations import numpy_mlp
from tests.implementations.test_numpy import N_EXAMPLES, distances, problem


class LikeCuPy(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that NumPy's functions take, but not together with an array of NumPy's."""

    def __init__(self, array):
        self._array = array

    def __array__(self, *_):
        raise TypeError("CuPy turns no array into one of NumPy's unasked")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        assert method == "__call__", "CuPy has few reductions of this form"
        if out:
            options["out"] = tuple(map(inner, out))
        made = ufunc(*map(inner, inputs), **options)
        return out[0] if out else LikeCuPy(made)

    def __array_function__(self, function, types, arguments, options):
        of_numpys = function in (np.asarray, np.array)
        return LikeCuPy(function(*(arguments if of_numpys else map(inner, arguments)), **options))

    def __getitem__(self, where):
        return LikeCuPy(self._array[inner(where)])

    def __setitem__(self, where, values):
        if isinstance(values, np.ndarray):
            assert where == slice(None)
            assert (self.shape, self.dtype) == (values.shape, values.dtype)
            self._array[:] = values
        else:
            self._array[where] = inner(values)

    def __iter__(self):
        return map(LikeCuPy, self._array)

    def __len__(self):
        return len(self._array)

    @property
    def T(self):  # noqa: N802
        return LikeCuPy(self._array.T)

    def __getattr__(self, name):
        assert name in {"shape", "dtype", "size", "flags", "tolist"}, name
        return getattr(self._array, name)

    def reshape(self, *shape):
        return LikeCuPy(self._array.reshape(*shape))

    def transpose(self, *axes):
        return LikeCuPy(self._array.transpose(*axes))

    def astype(self, dtype):
        return LikeCuPy(self._array.astype(dtype))

    def take(self, indices, axis=None, out=None):
        self._array.take(inner(indices), axis, inner(out))

    def dot(self, other, out=None):
        assert out.flags.c_contiguous
        self._array.dot(inner(other), inner(out))

    def max(self, axis=None, out=None, keepdims=False):
        self._array.max(axis, inner(out), keepdims)

    def get(self):
        return self._array.copy()


def inner(value):
    if isinstance(value, np.ndarray):
        raise TypeError("CuPy takes no array of NumPy's")
    return value._array if isinstance(value, LikeCuPy) else value


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(numpy_mlp, "cupy", lambda: SimpleNamespace(asarray=LikeCuPy))


@pytest.mark.parametrize("batch_size", [1, 8, 32, 128])
@pytest.mark.parametrize("recipe", choices("recipe"))
def test_the_same_code_trains_on_arrays_that_are_not_numpys(stand_in, recipe, batch_size):
    given = problem(recipe, device="gpu", threads=2)
    batches = sampling.batches(0, 1, N_EXAMPLES, batch_size)[:16]
    parameters, loss = distances(given, batches)
    assert parameters < 2e-5
    assert loss < 1e-5


def test_all_that_it_hands_back_is_numpys(stand_in):
    given = problem(device="gpu")
    start = sampling.initial_parameters(0, given.layer_sizes, given.recipe.initializer)
    model = numpy_mlp.MLP()
    model.setup(given, start)
    model.warm_up(sampling.batches(0, 1, N_EXAMPLES, 64))
    assert type(model.predict_scores(given.train_images)) is np.ndarray
    for layer, given_layer in zip(model.parameters(), start, strict=True):
        for array, given_array in zip(layer, given_layer, strict=True):
            assert type(array) is np.ndarray
            assert np.array_equal(array, given_array)


def test_without_cupy_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UnavailableError, match="CuPy, which is not installed: make setup"):
        numpy_mlp.MLP().setup(problem(device="gpu"), ())


def test_with_cupy_but_no_gpu_it_says_what_is_missing(monkeypatch):
    cuda = SimpleNamespace(is_available=lambda: False)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda, __spec__=object()))
    with pytest.raises(UnavailableError, match="CuPy finds no GPU; with an NVIDIA driver"):
        numpy_mlp.MLP().setup(problem(device="gpu"), ())
