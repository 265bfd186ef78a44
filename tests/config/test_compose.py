"""What a command line composes: choices, presets and sweeps of conf/."""

import hydra
import pytest
import yaml

from bench import CONF
from bench.config import compose as composing
from bench.config.user_files import choices
from tests.config import compose, refusal


@pytest.mark.parametrize("group", ["implementation", "architecture", "recipe", "dataset"])
def test_every_choice_composes(group):
    names = [name for name in choices(group) if name != "idx"]  # which needs a folder
    configs = compose(f"{group}={','.join(names)}", multirun=True)
    assert [getattr(config, group).name for config in configs] == names


@pytest.mark.parametrize("name", choices("sweep"))
def test_every_sweep_composes(name):
    file = yaml.safe_load((CONF / "sweep" / f"{name}.yaml").read_text(encoding="utf-8"))
    values = {
        key: str(value).split(",") for key, value in file["hydra"]["sweeper"]["params"].items()
    }
    first = [
        f"{key}={choice[0]}"
        for key, choice in values.items()
        if key in ("recipe", "implementation")
    ]
    configs = compose(f"sweep={name}", *first)
    assert len(configs) > 1
    assert {config.sweep_name for config in configs} == {name}


@pytest.mark.parametrize("name", choices("experiment"))
def test_every_experiment_composes(name):
    assert compose(f"experiment={name}")


def test_settings_of_the_notebooks_are_reproduced_exactly():
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


def test_the_default_sweep_has_two_implementations_two_architectures_and_three_rates():
    configs = compose("sweep=default")
    cases = {
        (config.implementation.name, config.architecture.name, config.learning_rate)
        for config in configs
    }
    assert len(configs) == len(cases) == 12
    assert {(config.batch_size, config.epochs, config.seed) for config in configs} == {(32, 5, 0)}


def test_a_named_sweep_can_be_narrowed():
    configs = compose("sweep=default", "learning_rate=0.5", "implementation=numpy")
    assert [config.learning_rate for config in configs] == [0.5, 0.5]


def test_values_that_depend_on_another_key_are_resolved_for_every_run():
    configs = compose("sweep=speed", "implementation=numpy", "seed=0")
    assert {(run.batch_size, run.learning_rate, run.epochs) for run in configs} == {
        (1, 0.01, 1), (32, 0.1, 3), (128, 0.1, 3), (512, 0.1, 3),
    }  # fmt: skip
    words = ("implementation=numpy", "seed=0")
    assert {
        (run.recipe.optimizer, run.learning_rate) for run in compose("sweep=whole_runs", *words)
    } == {("sgd", 0.1), ("momentum", 0.02), ("adam", 0.001)}


def test_a_large_sweep_is_composed_once_per_choice(monkeypatch):
    calls = []

    def counted(*arguments, **options):
        calls.append(options["overrides"])
        return hydra.compose(*arguments, **options)

    monkeypatch.setattr(composing, "compose", counted)
    configs = compose("dataset=synthetic", "recipe=glob(relu*)", "seed=range(0,50)", multirun=True)
    assert len({(config.recipe.name, config.seed) for config in configs}) == len(configs)
    assert len(configs) == 50 * len({config.recipe.name for config in configs})
    assert len(calls) == 1 + len({config.recipe.name for config in configs})


def test_runs_composed_together_are_those_composed_alone():
    rates, sizes = ("0.1", "1e-3"), ("[7]", "[8,9]")
    together = compose(
        f"learning_rate={','.join(rates)}", f"architecture.hidden_sizes={','.join(sizes)}",
        "recipe.optimizer=momentum", "+recipe.momentum=0.5", multirun=True,
    )  # fmt: skip
    alone = [
        compose(
            f"learning_rate={rate}",
            f"architecture.hidden_sizes={size}",
            "recipe.optimizer=momentum",
            "+recipe.momentum=0.5",
        )[0]
        for rate in rates
        for size in sizes
    ]
    assert together == alone


def test_a_key_that_the_file_of_a_choice_leaves_out_can_be_set():
    (config,) = compose("recipe.optimizer=momentum", "recipe.momentum=0.5")
    assert config.recipe.momentum == 0.5


def test_mappings_of_one_run_do_not_reach_the_next():
    configs = compose(
        "implementation=torch", "implementation.options={compile:true},{}", multirun=True
    )
    assert [config.implementation.options["compile"] for config in configs] == [True, False]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("learning_rate=-1", "learning_rate=-1: must be a finite number above 0"),
        ("implementation=nunpy", "did you mean numpy?"),
        ("sweep=defualt", "did you mean default?"),
        ("lr=0.1", "lr=0.1: no such key; did you mean learning_rate?"),
        ("hidden_sizes=[]", "no such key; did you mean architecture.hidden_sizes?"),
        ("recipe.activaton=relu", "did you mean recipe.activation?"),
        ("+recipe.momentun=0.5", "recipe.momentun=0.5: no such key; did you mean recipe.momentum?"),
        ("implementation.options.x=1", "implementation.options.x=1: no such option"),
        ("implementation.claims.x=1", "implementation.claims.x=1: no such key"),
        ("~implementation", "implementation: must be given"),
        ("~learning_rate", "learning_rate: must be given"),
        ("~seed=1", "The value of 'seed' is 0 and not 1"),
        ("~nothing", "nothing"),
        ("+surprise=1", "surprise=1: no such key"),
        ("+recipe@surprise=relu_softmax_sgd", "surprise="),
        ("recipe@surprise=relu_softmax_sgd", "recipe@surprise"),
        ("recipe@_global_=relu_softmax_sgd", "not offered"),
        ("+experiment.x=1", "experiment={'x': 1}: no such key; "),
        ("+sweep.x=1", "sweep={'x': 1}: no such key; "),
        (
            "+implementation.options.x=1",
            "implementation.options.x=1: no such option; numpy has none",
        ),
        ("++implementation.options={x: 1}", "implementation.options.x=1: no such option"),
        ("seed=${nothing}", "nothing"),
        ("=1", "not an override; write key=value"),
    ],
)
def test_a_word_without_effect_is_refused_in_one_line(word, expected):
    assert expected in refusal(word)


@pytest.mark.parametrize("word", ["learning_rate=0.1,-1", "implementation=numpy,kears"])
def test_a_mistake_anywhere_in_a_sweep_is_found_before_it_starts(word):
    assert "must be" in refusal(word, multirun=True)


def test_a_sweep_is_no_value_of_another_sweep():
    words = "experiment=notebook_keras,notebook_learning_rates"
    assert "cannot be swept over" in refusal(words, multirun=True)


def test_show_prints_the_configuration_of_the_first_run():
    content = yaml.safe_load(composing.show(["seed=7,8", "recipe=tanh_softmax_sgd"], None))
    assert (content["seed"], content["recipe"]["name"]) == (7, "tanh_softmax_sgd")
    assert "hydra" not in content


@pytest.mark.parametrize(
    "word",
    [
        "hydra/launcher=joblib", "hydra/launcher=submitit_slurm,basic",
        "+hydra.launcher.setup=['touch touched']", "hydra.launcher._target_=builtins.print",
        "hydra.searchpath=[pkg://this]", "hydra={searchpath:[pkg://this]}",
        "+hydra.job.env_set.LD_PRELOAD=planted.so", "hydra/job_logging=default",
        "+hydra.callbacks.mine={_target_:builtins.print}", "~hydra.sweeper",
        "+architecture@hydra.job_logging=one_hidden", "hydra.mode=MULTIRUN",
    ],
)  # fmt: skip
def test_settings_of_hydra_which_could_run_code_are_refused(word):
    assert f"{word}: not offered; leave it out" in refusal(word, multirun=True)
