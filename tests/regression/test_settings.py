"""Which options act in which mode; others are refused, even with their default value."""

from __future__ import annotations

import pytest

from bench.regression.settings import (
    Bisection,
    Calibration,
    Configurations,
    History,
    Range,
    Revisions,
    parse,
)

# A command of each mode, and the options that have no effect in it.
MODES = {
    Revisions: (["HEAD~1"], "--over=seed=1 --precision=3% --accept=why"),
    History: (["--record"], "--over=seed=1 --precision=3% --base-requirements=numpy"),
    Range: (
        ["--record", "HEAD~2..HEAD"],
        "--over=seed=1 --precision=3% --head-requirements=numpy --smallest=3% --cant-tell=pass "
        "--output=folder --against-history",
    ),
    Configurations: (
        ["implementation=numpy", "implementation=jax"],
        "--cases=seed=1 --metrics=step --smallest=3% --cant-tell=pass --record --against-history "
        "--accept=why --bisect --base-python=python --head-requirements=numpy",
    ),
    Bisection: (
        ["--bisect", "HEAD~3"],
        "--over=seed=1 --precision=3% --cant-tell=pass --record --against-history --accept=why "
        "--head-python=python --base-requirements=numpy --metrics=memory",
    ),
    Calibration: (
        ["--calibrate"],
        "HEAD --over=seed=1 --metrics=step --smallest=3% --cant-tell=pass --record --bisect "
        "--against-history --accept=why --output=folder --base-python=python --precision=3%",
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_options_choose_the_mode(mode):
    words, _ = MODES[mode]
    settings = parse([*words, "--budget=90s", "--share-machine"])
    assert type(settings) is mode
    assert (settings.budget_seconds, settings.share_machine) == (90.0, True)


@pytest.mark.parametrize(
    ("mode", "option"), [(mode, option) for mode in MODES for option in MODES[mode][1].split()]
)
def test_an_option_that_does_not_act_is_refused(capsys, mode, option):
    with pytest.raises(SystemExit) as raised:
        parse([*MODES[mode][0], option])
    assert raised.value.code == 2
    name = option.replace("HEAD", "BASE").partition("=")[0]
    assert f"error: {name}" in capsys.readouterr().err


def test_defaults_depend_on_the_mode():
    assert parse(["HEAD"]).budget_seconds == 1200
    assert parse(["--calibrate"]).budget_seconds == 600
    assert parse(["HEAD"]).smallest_by_metric == {"step": 0.03, "memory": 0.05, "warm_up": 0.1}
    bisection = parse(["--bisect", "HEAD~1", "--smallest=5%"])
    assert bisection.smallest_by_metric == {"step": 0.05}
    assert (bisection.base, bisection.head) == ("HEAD~1", "HEAD")


@pytest.mark.parametrize("head", [[], ["--head-python=b"]])
def test_an_entry_of_the_history_has_one_interpreter(capsys, head):
    parse(["--record", "--base-python=a", "--head-python=a"])
    parse(["--against-history", "--base-python=a", *head])
    with pytest.raises(SystemExit):
        parse(["--record", "--base-python=a", *head])
    assert "with --record give both with the same interpreter" in capsys.readouterr().err


def test_a_range_may_have_a_reference():
    assert (parse(["--record", "a..b"]).base, parse(["--record", "a..b"]).head) == (None, "a..b")
    assert (parse(["v1", "a..b", "--record"]).base, parse(["v1", "a..b", "--record"]).head) == (
        "v1", "a..b",
    )  # fmt: skip


def test_an_increase_of_a_metric_that_is_not_compared_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["HEAD", "--metrics=step", "--smallest=memory=9%"])
    assert "--smallest=memory: is not compared" in capsys.readouterr().err
