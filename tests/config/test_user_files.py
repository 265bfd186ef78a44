"""Files in a user's folder have an effect or are refused; a damaged file is named with its line."""

import pytest

from bench.config.user_files import MAX_FILE_BYTES, choices, known_options
from tests.config import compose, refusal


@pytest.fixture
def write(tmp_path):
    def write(path: str, content: str | bytes) -> str:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path)

    return write


def test_a_file_adds_a_choice(write):
    folder = write("architecture/wide.yaml", "name: wide\nhidden_sizes: [1024]\n")
    (config,) = compose("architecture=wide", config_folder=folder)
    assert config.layer_sizes == (784, 1024, 10)


@pytest.mark.parametrize("header", ["", "# @package _global_\n", "# mine\n"])
@pytest.mark.parametrize("group", ["experiment", "sweep"])
def test_a_preset_acts_with_and_without_a_package_header(write, group, header):
    folder = write(f"{group}/mine.yaml", f"{header}learning_rate: 0.5\n")
    (config,) = compose(f"{group}=mine", config_folder=folder)
    assert config.learning_rate == 0.5


def test_a_preset_builds_on_the_choices_and_presets_of_the_project(write):
    folder = write(
        "experiment/mine.yaml",
        "defaults:\n  - notebook_scratch\n  - override /recipe: tanh_softmax_sgd\nepochs: 1\n",
    )
    (config,) = compose("experiment=mine", config_folder=folder)
    assert (config.recipe.name, config.epochs, config.batch_size) == ("tanh_softmax_sgd", 1, 1)


def test_sweep_parameters_in_a_file_need_no_multirun_flag(write):
    folder = write("sweep/mine.yaml", "hydra:\n  sweeper:\n    params:\n      seed: 1,2,3\n")
    assert [config.seed for config in compose("sweep=mine", config_folder=folder)] == [1, 2, 3]


def test_a_value_may_depend_on_another_key(write):
    folder = write("sweep/mine.yaml", 'epochs: "${lookup:${seed},{7: 2},5}"\n')
    epochs = [
        run.epochs for run in compose("sweep=mine", "seed=6,7", config_folder=folder, multirun=True)
    ]
    assert epochs == [5, 2]
    folder = write("sweep/mine.yaml", 'epochs: "${lookup:${seed},{7: 2}}"\n')
    assert "6 is none of 7" in refusal("sweep=mine", "seed=6", config_folder=folder)


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("experiment/mine.yaml", "learning_rat: 0.2", "learning_rat=0.2: no such key"),
        ("experiment/mine.yaml", "# @package x\nseed: 2", "x={'seed': 2}: no such key"),
        ("experiment/mine.yaml", "implementation: {x: 1}", "implementation.x=1: no such key"),
        ("experiment/mine.yaml", "implementation: {options: {x: 1}}", "options.x=1: no such opti"),
        ("experiment/mine.yaml", "experiment: {x: 1}", "experiment={'x': 1}: no such key"),
        ("experiment/mine.yaml", "defaults: [{x: y}]", "Could not find 'experiment/x/y'"),
        ("experiment/mine.yaml", "hydra: {job: {name: x}}", "hydra.job.name=x: not allowed"),
        ("experiment/mine.yaml", "hydra: {run: {dir: x}}", "hydra.run.dir=x: not allowed"),
        ("experiment/mine.yaml", "hydra: 3", "hydra=3: not allowed"),
        ("experiment/mine.yaml", "# @package hydra.job\nname: x", "package hydra.job: not allowed"),
        ("experiment/mine.yaml", "defaults: [override hydra/launcher: joblib]", "not allowed"),
        ("experiment/mine.yaml", "defaults: [/recipe/mine@hydra.job: x]", "@hydra.job: x"),
        ("experiment/mine.yaml", "recipe: {momentun: 0.5}", "recipe.momentun=0.5: no such key"),
        ("experiment/mine.yaml", "1: 2", "1=2: no such key"),
        ("experiment/mine.yaml", "seed: ''", "seed='': must not be blank"),
        ("sweep/mine.yaml", "hydra: {sweeper: {params: {seed: [1, 2]}}}", "such as learning_rate"),
        ("sweep/mine.yaml", "hydra: {sweeper: {params: {hydra.mode: x}}}", "hydra.mode=x"),
        ("sweep/mine.yaml", "hydra: {sweeper: {params: [1]}}", "sweep/mine"),
        ("recipe/mine.yaml", "activation: relu", "recipe.name: must be given"),
        ("recipe/mine.yml", "name: x", "rename mine.yml to mine.yaml"),
        ("recipe/relu_softmax_sgd.yaml", "name: x", "rename yours"),
        ("config.yaml", "seed: 2", "config.yaml: mlp-bench has a file"),
    ],
)
def test_what_would_have_no_effect_is_refused(write, path, content, expected):
    folder = write(path, content)
    group, _, name = path.partition("/")
    words = [f"{group}=mine"] if name.startswith("mine") else []
    assert expected in refusal(*words, config_folder=folder)


BOMB = "a0: &a0 [x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a: 1\n\tb: 2", ":2: "),
        ("a: 1\nb: 1\na: 2", ":3: "),
        ("a: [1", ":1: "),
        ("a: !!python/name:os.system ''", ":1: "),
        ("a: 1\n--- \nb: 1", ":2: "),
        (b"a: 1\nb: \xff", ": 'utf-8' codec"),
        ("a: \x00", ": "),
        ("- a", ": "),
        ("a: ${x", ": "),
        ("a: &a\n  b: *a", ":2: aliases"),
        (BOMB, ":2: aliases"),
        ("a: " + "[" * 600 + "]" * 600, ": too many levels"),
        ("a: 1\n" + "#" * MAX_FILE_BYTES, ": "),
    ],
)
def test_a_damaged_file_is_named_with_its_line(write, content, line):
    folder = write("experiment/mine.yaml", content)
    message = refusal("experiment=mine", config_folder=folder)
    assert message.startswith(f"{folder}/experiment/mine.yaml{line}")


@pytest.mark.parametrize("folder", ["", "nowhere", "~nobody-of-this-name", "a\0b", "x" * 5000])
def test_a_folder_that_does_not_exist_is_refused(folder):
    assert "no such folder" in refusal(config_folder=folder)


def test_a_folder_may_have_any_name_and_be_in_the_home_folder(write, tmp_path, monkeypatch):
    write("it's, [odd] {x}=1 $y \\/architecture/wide.yaml", "name: wide\nhidden_sizes: [9]\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    (config,) = compose("architecture=wide", config_folder="~/it's, [odd] {x}=1 $y \\")
    assert config.layer_sizes == (784, 9, 10)


def test_names_other_than_groups_have_no_choices():
    assert choices("..") == choices("") == choices("hydra") == []


def test_options_are_known_from_all_files_about_a_module(write, tmp_path):
    assert known_options("torch_mlp", None) == {"compile"}
    assert known_options("mine_mlp", None) == set()
    write("implementation/mine.yaml", "module: mine_mlp\noptions: {a: 1}\n")
    assert known_options("mine_mlp", tmp_path) == {"a"}


def test_damaged_files_that_are_not_selected_have_no_options(write, tmp_path):
    write("implementation/other.yaml", "module: ${nowhere}\noptions: 3\n")
    write("implementation/mine.yaml", "module: mine_mlp\noptions: 3\n")
    assert known_options("mine_mlp", tmp_path) == set()
