import subprocess
import sys

import pytest

from bench import registry


def test_the_modules_of_implementations_are_found():
    assert {"numpy_mlp", "keras_mlp"} <= set(registry.modules())


@pytest.mark.parametrize("name", ["os", "bench.sweep.command", "../numpy_mlp", "numpy_mlp.os", ""])
def test_only_modules_of_implementations_are_loaded(name):
    with pytest.raises(KeyError):
        registry.load(name)


def test_asking_what_is_missing_imports_nothing():
    program = (
        "import sys; from bench.registry import missing;"
        "assert missing(['tensorflow', 'no_such_framework']) == ('no_such_framework',);"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
