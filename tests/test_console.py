"""Printable text: it has no characters that control a terminal."""

from bench import console
from bench.console import adapt_commands, print_error, printable, printable_lines

HOSTILE = "a\x1b[31m\u202eb\nc\x85"


def test_one_line_stays_one_line():
    assert printable(HOSTILE) == r"a\x1b[31m\u202eb\nc\x85"
    assert printable("é ±") == "é ±"


def test_several_lines_stay_lines():
    assert printable_lines(HOSTILE) == "a\\x1b[31m\\u202eb\nc\\x85"


def test_an_error_goes_to_stderr(capsys):
    print_error("bench", ValueError("first\n  second"))
    assert capsys.readouterr() == ("", "bench: first\n  second\n")


def test_remedies_name_the_command_for_the_way_of_installing(monkeypatch, tmp_path):
    text = "finds no GPU; make setup EXTRAS=torch,gpu, or make setup"
    monkeypatch.setattr(console, "CHECKOUT", tmp_path)
    installed = "finds no GPU; pip install 'mlp-bench[torch,gpu]', or pip install mlp-bench"
    assert adapt_commands(text) == installed
    (tmp_path / "Makefile").touch()
    assert adapt_commands(text) == text
