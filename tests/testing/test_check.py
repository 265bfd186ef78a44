"""`check_implementation`, as a user's test calls it."""

from __future__ import annotations

import sys
import warnings

import pytest

from bench import registry
from bench.config.errors import ConfigError
from bench.contract import UnavailableError
from bench.new_implementation import command
from bench.testing import check_implementation
from tests.plugins import CODE, YAML, write_plugin


@pytest.fixture(autouse=True)
def forget_folders():
    yield
    registry.use_plugin_folders([])


def test_warnings_and_imports_of_an_implementation_stay_in_its_process(tmp_path):
    code = "import sys, warnings\nsys.modules['json.tool'] = None\nwarnings.warn('old')\n" + CODE
    with warnings.catch_warnings(record=True) as caught:
        check_implementation("mine", config_dir=write_plugin(tmp_path, "mine", code))
    assert not caught
    assert "implementations.mine_mlp" not in sys.modules


def test_all_failures_are_listed_with_the_line_that_raised(tmp_path, call):
    call(command.main, "new-implementation", "mine", tmp_path)
    with pytest.raises(AssertionError) as caught:
        check_implementation("mine", config_dir=tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == f"mine fails {len(lines)} checks:"
    assert len(lines) > 5
    path = tmp_path / "implementations" / "mine_mlp.py"
    assert f"NotImplementedError: write MLP.setup ({path}:" in lines[0]


def test_what_it_computes_is_checked_after_the_contract(tmp_path):
    code = CODE.replace("    pass", "    def train_epoch(self, batches):\n        "
                        "return 1.001 * super().train_epoch(batches)")  # fmt: skip
    folder = write_plugin(tmp_path, "mine", code)
    check_implementation("mine", config_dir=folder, parity=False)
    with pytest.raises(AssertionError, match=r"parity with relu_softmax_sgd: .* fails rung"):
        check_implementation("mine", config_dir=folder)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 / 0", "import of mine_mlp: ZeroDivisionError: division by zero"),
        ("", "import of mine_mlp: AttributeError"),
        ("import os\nos._exit(3)", "exit status 3"),
    ],
)
def test_a_module_that_can_not_be_imported_fails(code, reason, tmp_path):
    with pytest.raises(AssertionError, match=reason):
        check_implementation("mine", config_dir=write_plugin(tmp_path, "mine", code))


def test_a_missing_library_or_device_is_no_failure(tmp_path):
    yaml = YAML + "requires: [no_such_library]\n"
    write_plugin(tmp_path, "mine", yaml=yaml)
    with pytest.raises(UnavailableError, match="no_such_library not installed; install them"):
        check_implementation("mine", config_dir=tmp_path)
    with pytest.raises(UnavailableError, match="no device=gpu"):
        check_implementation("notebook", device="gpu")


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="implementation=nowhere: must be one of"):
        check_implementation("nowhere")
