"""Implementations come from installed packages and from the folder of the command line only."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import imports, provenance, registry
from bench.config import plugins, user_files
from bench.config.compose import choices
from tests.config import compose, refusal
from tests.plugins import write_installed_plugin, write_plugin


@pytest.fixture
def clear_caches():
    """Forget the plug-ins that were found, before and after the test."""

    def clear() -> None:
        plugins.installed.cache_clear()
        user_files._installed_folders.cache_clear()

    clear()
    yield
    clear()
    registry.use_plugin_folders([])


@pytest.fixture
def site(tmp_path, monkeypatch, clear_caches) -> Path:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def folder(tmp_path, clear_caches) -> Path:
    """A folder for --config-dir with an implementation."""
    return write_plugin(tmp_path / "my", "mine")


def test_an_implementation_in_the_users_folder_is_a_choice_with_code(folder):
    assert "mine" in choices("implementation", folder)
    (config,) = compose("implementation=mine", config_folder=str(folder))
    assert config.implementation.module in registry.modules()
    paths = registry.sources("mine_mlp")
    assert folder / "implementations" / "mine_mlp.py" in paths
    assert imports.PROJECT / "implementations" / "numpy_mlp.py" in paths  # it imports this file


def test_the_code_of_a_folder_is_no_longer_found_without_the_option(folder):
    compose("implementation=mine", config_folder=str(folder))
    refused = refusal("implementation=mine")
    assert "implementation=mine: must be one of" in refused
    assert "give its folder with --config-dir" in refused
    assert "mine_mlp" not in registry.modules()
    with pytest.raises(KeyError):
        registry.load("mine_mlp")


def test_an_installed_package_is_found_without_importing_it(site):
    package = write_installed_plugin(site, "mine", "mlp_bench_mine")
    assert "mine" in choices("implementation")
    (config,) = compose("implementation=mine")
    assert package / "implementations" / "mine_mlp.py" in registry.sources("mine_mlp")
    assert provenance.library_versions(config)["mlp_bench_mine"] == "1.5"
    (numpy_config,) = compose("implementation=numpy")
    assert "mlp_bench_mine" not in provenance.library_versions(numpy_config)


def test_an_entry_point_may_name_a_package_in_a_package(site):
    package = write_installed_plugin(site, "mine", "outer", entry="outer.inner")
    (package / "inner").mkdir()
    for part in ("implementation", "implementations"):
        (package / part).rename(package / "inner" / part)
    assert compose("implementation=mine")[0].implementation.name == "mine"


@pytest.mark.parametrize("entry", ["nowhere", "mlp_bench_mine.nowhere", "mlp_bench_mine:MLP", "os"])
def test_an_entry_point_that_names_no_such_package_is_refused(site, entry):
    write_installed_plugin(site, "mine", "mlp_bench_mine", entry)
    message = refusal()
    assert f"installed package mlp_bench_mine 1.5: its entry point mine = {entry}" in message
    assert "correct or uninstall it" in message


def test_two_files_of_the_same_name_are_refused(site, tmp_path):
    write_installed_plugin(site, "mine", "mlp_bench_mine")
    folder = write_plugin(tmp_path / "my", "mine")
    message = refusal(config_folder=str(folder))
    assert f"{folder}/implementations/mine_mlp.py" in message or f"{folder}/" in message
    assert "has the same name; rename one" in message


def test_a_module_with_the_name_of_the_projects_is_refused(folder):
    (folder / "implementations" / "numpy_mlp").mkdir()
    (folder / "implementations" / "numpy_mlp" / "__init__.py").write_text("")
    message = refusal(config_folder=str(folder))
    assert f"{folder}/implementations/numpy_mlp: " in message
    assert "rename one" in message


def test_a_new_file_in_a_known_folder_is_found(folder):
    compose("implementation=mine", config_folder=str(folder))
    write_plugin(folder, "newer")
    assert compose("implementation=newer", config_folder=str(folder))


def test_an_edit_of_the_users_code_changes_the_fingerprint(folder):
    (config,) = compose("implementation=mine", config_folder=str(folder))
    before = provenance.code_fingerprint(config)
    (folder / "implementations" / "mine_mlp.py").write_text("class MLP: ...")
    changed = provenance.what_changed(before, provenance.code_fingerprint(config))
    assert changed == f"the {provenance.IMPLEMENTATION} has changed"
