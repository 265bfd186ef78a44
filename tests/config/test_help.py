"""The text of `bench --help`."""

from bench.config import help
from bench.config.identity import PURPOSES
from bench.config.keys import KEYS
from bench.config.user_files import choices, groups

FIXED = {key for key in PURPOSES if key.startswith("implementation.") or key.endswith(".name")}


def test_every_key_that_a_user_sets_is_explained_in_one_line():
    assert set(KEYS) == set(PURPOSES) - FIXED
    lines = help.text().splitlines()
    for name, key in KEYS.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert key.meaning in line
        assert key.allowed in line


def test_every_group_and_choice_is_listed_and_no_claim():
    words = help.text().replace(",", " ").split()
    assert set(help.GROUPS) == set(groups())
    for group in groups():
        assert {f"{group}:", *choices(group)} <= set(words)
    assert "claims" not in help.text()
    assert "colour" not in help.text()


def test_defaults_are_shown_as_they_are_typed():
    values = {
        words[0]: words[1] for line in help.text().splitlines() if len(words := line.split()) > 1
    }
    assert values["learning_rate"] == "0.1"
    assert values["shuffle"] == "true"
    assert values["timeout_seconds"] == "null"
