"""What may be asked of a run, and what is said where it may not."""

import re

import pytest

from bench import CONF
from bench.config.compose import compose_runs
from bench.config.schema import ConfigError
from bench.machine.facts import usable_cores

GROUPS = ("implementation", "architecture", "recipe", "dataset")


def compose(*words, **options):
    return compose_runs(words, default_name="unnamed", **options)


def refusal(*words, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        compose(*words, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "choice",
    [f"{group}={path.stem}" for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))],
)
def test_every_choice_composes(choice):
    (config,) = compose(choice)
    group, name = choice.split("=")
    assert getattr(config, group).name == name


@pytest.mark.parametrize(
    "path", sorted((CONF / "sweep").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_sweep_composes(path):
    configs = compose(f"sweep={path.stem}", "seed=0", "recipe=relu_softmax_sgd")
    assert len(configs) > 1
    assert {config.sweep_name for config in configs} == {path.stem}


@pytest.mark.parametrize(
    "path", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda path: path.stem
)
def test_every_experiment_composes(path):
    assert compose(f"experiment={path.stem}")


def test_the_notebooks_settings_are_theirs_to_the_letter():
    (scratch,) = compose("experiment=notebook_scratch")
    assert scratch.layer_sizes == (784, 240, 120, 60, 10)
    assert (scratch.learning_rate, scratch.batch_size, scratch.shuffle) == (0.1, 1, False)
    assert (scratch.epochs, scratch.validation_fraction) == (12, 0.0)
    assert scratch.evaluate_training_set
    (keras,) = compose("experiment=notebook_keras", "implementation=keras")
    assert keras.layer_sizes == (784, 128, 64, 10)
    assert (keras.learning_rate, keras.batch_size, keras.shuffle) == (1e-4, 32, True)
    assert (keras.epochs, keras.validation_fraction) == (25, 0.2)
    assert (keras.recipe.beta_1, keras.recipe.beta_2, keras.recipe.epsilon) == (0.9, 0.999, 1e-7)
    rates = compose("experiment=notebook_learning_rates")
    assert [(run.learning_rate, run.epochs) for run in rates] == [
        (0.001, 2), (0.01, 2), (0.1, 2), (1.0, 2),
    ]  # fmt: skip


def test_the_default_sweep_is_two_implementations_two_architectures_three_rates():
    configs = compose("sweep=default")
    cells = {
        (config.implementation.name, config.architecture.name, config.learning_rate)
        for config in configs
    }
    assert len(configs) == len(cells) == 12
    assert {(config.batch_size, config.epochs, config.seed) for config in configs} == {(32, 5, 0)}


def test_a_named_sweep_can_be_narrowed():
    configs = compose("sweep=default", "learning_rate=0.5", "implementation=numpy")
    assert [config.learning_rate for config in configs] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("learning_rate=-1", "learning_rate=-1: must be a finite number above 0"),
        ("learning_rate=nan", "learning_rate=nan: must be a finite number above 0"),
        ("learning_rate=inf", "learning_rate=inf: must be a finite number above 0"),
        ("learning_rate=fast", "learning_rate=fast: must be a finite number above 0"),
        ("epochs=0", "epochs=0: must be a whole number, 1 or more"),
        ("epochs=1.5", "epochs=1.5: must be a whole number, 1 or more"),
        ("epochs=null", "epochs=null: must be a whole number, 1 or more"),
        ("batch_size=0", "batch_size=0: must be a whole number, 1 or more"),
        ("batch_size=60000", "batch_size=60000: must be 1 to 54000"),
        ("seed=-1", "seed=-1: must be a whole number from 0"),
        ("threads=99", f"threads=99: must be auto, or 1 to {len(usable_cores())}"),
        ("threads=0", f"threads=0: must be auto, or 1 to {len(usable_cores())}"),
        ("threads=some", "threads=some: must be auto, or a number of cores"),
        ("validation_fraction=1", "validation_fraction=1: must be a number from 0 up to"),
        ("validation_fraction=0.999999", "must be a share that leaves training data"),
        ("architecture.hidden_sizes=[]", "architecture.hidden_sizes=[]: must be a list such as"),
        ("architecture.hidden_sizes=[0]", "architecture.hidden_sizes=[0]: must be a list such as"),
        ("device=tpu", "device=tpu: must be cpu or gpu"),
        ("timeout_seconds=0", "must be a number of seconds above 0, up to 100000000, or null"),
        ("timeout_seconds=1e10", "must be a number of seconds above 0, up to 100000000, or null"),
        ("timeout_seconds=nan", "must be a number of seconds above 0, up to 100000000, or null"),
        ("memory_limit=2", "must be an amount such as 500MB or 2GB, or null for no limit"),
        ("memory_limit=0GB", "must be an amount such as 500MB or 2GB, or null for no limit"),
        ("recipe.loss=hinge", "recipe.loss=hinge: must be cross_entropy or mean_squared_error or"),
        ("+recipe.momentum=nan", "recipe.momentum=nan: must be a number from 0 up to, not incl"),
        ("+recipe.momentum=1", "recipe.momentum=1.0: must be a number from 0 up to, not incl"),
        ("+recipe.beta_1=1", "recipe.beta_1=1.0: must be a number from 0 up to, not including, 1"),
        ("+recipe.beta_2=-0.1", "recipe.beta_2=-0.1: must be a number from 0 up to, not incl"),
        ("+recipe.epsilon=-1", "recipe.epsilon=-1.0: must be a number from 1e-30 to 1"),
        ("+recipe.epsilon=0", "recipe.epsilon=0.0: must be a number from 1e-30 to 1"),
        ("recipe.output=sigmoid", "cross_entropy needs probabilities that sum to one"),
        ("sweep_name=../elsewhere", "sweep_name=../elsewhere: must be up to 100 letters"),
        ("sweep_name='a b'", "sweep_name=a b: must be up to 100 letters"),
        ("implementation.module=os", "implementation.module=os: must be one of"),
        ("implementation=nunpy", "did you mean numpy?"),
        ("architecture=onehidden", "did you mean one_hidden?"),
        ("sweep=defualt", "did you mean default?"),
        ("learing_rate=0.1", "learing_rate=0.1: no such key; did you mean learning_rate?"),
        (
            "hidden_sizes=[]",
            "hidden_sizes=[]: no such key; did you mean architecture.hidden_sizes?",
        ),
        ("recipe.activaton=relu", "did you mean recipe.activation?"),
        ("implementation=null", "implementation=null: must be one of"),
        ("~implementation", "implementation: must be given"),
        ("implementation.requires=[os.path]", "must be a list of the top-level modules"),
        ("implementation.requires=[__main__]", "must be a list of the top-level modules"),
        ("+dataset.seed=1", "dataset.seed=1: means nothing for fashion_mnist"),
        ("+surprise=1", "surprise=1: no such key"),
        ("learning_rate=0.1,0.2", "several values make a sweep; add -m"),
        ("learning_rate", "not an override; write key=value"),
        ("=", "not an override; write key=value"),
    ],
)
def test_what_is_impossible_is_refused_in_one_line(word, expected):
    assert expected in refusal(word)


@pytest.mark.parametrize("word", ["learning_rate=0.1,-1", "implementation=numpy,kears"])
def test_a_mistake_anywhere_in_a_sweep_is_found_before_it_starts(word):
    assert "must be" in refusal(word, multirun=True)


def test_long_and_unprintable_values_are_shown_short_and_on_one_line():
    message = refusal("sweep_name='" + "a\\n" * 5000 + "'")
    assert len(message) < 300


def test_the_run_id_is_readable_and_safe():
    (config,) = compose("implementation=keras", "learning_rate=1e6", "seed=7")
    assert re.fullmatch(r"keras-one_hidden-lr1e06-seed7-[0-9a-f]{8}", config.run_id)


def test_the_hash_is_of_what_a_run_does_and_not_of_where_it_goes():
    base = compose()[0]
    same = compose("sweep_name=other", "results_folder=elsewhere", "timeout_seconds=9")[0]
    other = compose("architecture.hidden_sizes=[127]")[0]
    assert base.hash == same.hash
    assert base.run_id == same.run_id
    assert base.hash != other.hash
    assert base.run_id != other.run_id


def test_a_folder_of_ones_own_adds_choices(tmp_path):
    folder = tmp_path / "architecture"
    folder.mkdir()
    (folder / "wide.yaml").write_text("name: wide\nhidden_sizes: [1024]\n")
    (config,) = compose("architecture=wide", config_folder=str(tmp_path))
    assert config.layer_sizes == (784, 1024, 10)
    assert "no such folder" in refusal("architecture=wide", config_folder=str(tmp_path / "no"))
