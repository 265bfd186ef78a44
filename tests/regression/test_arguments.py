"""What the command line accepts."""

from __future__ import annotations

import shlex

import pytest

from bench.regression.arguments import parser
from bench.regression.output import revisions
from tests.regression.conftest import PROJECT

WORKFLOW = PROJECT / ".github" / "workflows" / "speed.yml"


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(
    "words",
    [
        ["{}"],
        ["HEAD", "{}"],
        *(
            ["HEAD", option + "={}"]
            for option in (
                "--base-python", "--head-python", "--cases", "--cells", "--budget", "--smallest",
                "--cant-tell", "--output",
            )
        ),
    ],
)  # fmt: skip
def test_an_empty_string_is_refused_everywhere(capsys, words, value):
    with pytest.raises(SystemExit) as raised:
        parser().parse_args([word.format(value) for word in words])
    assert raised.value.code == 2
    assert f"'{value}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--budget=soon"], "'soon': must be a time such as 90s, 5m or 1h"),
        (["--budget=0s"], "'0s': must be a time"),
        (["--smallest=3"], "'3': must be more than 1% and up to 100%"),
        (["--smallest=1%"], "'1%': must be more than 1% and up to 100%"),
    ],
)
def test_a_wrong_value_is_refused(capsys, words, reason):
    with pytest.raises(SystemExit):
        parser().parse_args(["HEAD", *words])
    assert reason in capsys.readouterr().err


def test_cells_is_another_name_for_cases():
    assert parser().parse_args(["HEAD", "--cells", "a=b"]).cases == "a=b"


def test_help_explains_every_exit_status():
    shown = parser().format_help()
    for status in (0, 1, 2, 3, 130):
        assert f"\n  {status} " in shown


@pytest.mark.skipif(not WORKFLOW.exists(), reason="no workflow in this distribution")
def test_the_workflow_gives_a_command_that_is_accepted():
    workflow = WORKFLOW.read_text()
    line = next(line for line in workflow.splitlines() if 'bench-compare "$BASE"' in line)
    line = line.replace("$BUDGET", "30m")
    arguments = parser().parse_args(shlex.split(line.partition("bench-compare")[2]))
    assert (arguments.base, arguments.cant_tell) == ("$BASE", "pass")
    assert f"{arguments.output}/report.md" in workflow
    assert revisions.MARKER in workflow
