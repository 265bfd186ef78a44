"""The grammar of overrides: every form acts or is refused in one line."""

import pytest

from bench.config.errors import ConfigError
from bench.config.overrides import MAX_RUNS, expand, parse


def values(word: str) -> list[str]:
    (words,) = expand(parse([word]), None, is_sweep=True)
    return [each.partition("=")[2] for each in words]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("seed=3", ["3"]),
        ("seed=1,2", ["1", "2"]),
        ("seed=choice(1,2)", ["1", "2"]),
        ("seed=range(0,6,2)", ["0", "2", "4"]),
        ("learning_rate=range(0.1,0.3,0.1)", ["0.1", "0.2"]),
        ("seed=sort(3,1,2)", ["1", "2", "3"]),
        ("seed=sort(1,3,2,reverse=true)", ["3", "2", "1"]),
        ("seed=tag(mine,choice(1,2))", ["1", "2"]),
        ("learning_rate=float(1,2)", ["1.0", "2.0"]),
        ("dataset=glob(synth*)", ["synthetic"]),
        ("implementation=glob(keras*,exclude=keras_*)", ["keras"]),
        ("architecture.hidden_sizes=[1,2],[3]", ["[1,2]", "[3]"]),
        ("sweep_name='a,b'", ["'a,b'"]),
    ],
)
def test_a_form_of_override_expands_to_these_values(word, expected):
    assert values(word) == expected


def test_shuffled_values_are_the_same_in_some_order():
    assert sorted(values("seed=shuffle(1,2,3)")) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "word",
    [
        "learning_rate=interval(0.1,1)", "learning_rate=tag(mine,interval(0.1,1))",
        "learning_rate=glob(*)", "implementation=glob(zz*)", "implementation=glob([)",
        "learning_rate=choice()", "seed=range(5,1)", "seed=range(0,3,0)", "seed=range(0,inf)",
        "seed=range(nan,3)", "seed=range(0,1000000000)", "seed=shuffle(range(0,1000000000))",
        "seed=int(abc)", "seed=bool(x)", "seed=unknown(1)", "seed=choice(choice(1,2))",
        "seed=${", "seed={a:", "seed=[1", "dataset=synthetic,", "=1", "", "+", "a=b=c,", "seed",
        "seed=choice(1,interval(0,1))", "seed=sort(interval(0,1))", "seed='",
    ],
)  # fmt: skip
def test_a_form_without_a_list_of_values_is_refused_in_one_line(word):
    try:
        (words,) = expand(parse([word]), None, is_sweep=True)
    except ConfigError as error:
        assert word[:20] in str(error).replace("\\", "")
        assert str(error).isprintable()
    else:
        assert words == [word]  # a text, which the schema checks


def test_a_sweep_has_a_bounded_number_of_runs():
    with pytest.raises(ConfigError, match=f"at most {MAX_RUNS} runs"):
        expand(parse(["seed=range(0,1000)", "epochs=range(1,1000)"]), None, is_sweep=True)


def test_several_values_need_a_sweep():
    with pytest.raises(ConfigError, match="add -m"):
        expand(parse(["seed=1,2"]), None, is_sweep=False)
