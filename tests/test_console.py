"""Text made printable: nothing in it controls a terminal."""

from bench.console import print_error, printable, printable_lines

HOSTILE = "a\x1b[31m\u202eb\nc\x85"


def test_one_line_stays_one_line():
    assert printable(HOSTILE) == r"a\x1b[31m\u202eb\nc\x85"
    assert printable("é ±") == "é ±"


def test_several_lines_stay_lines():
    assert printable_lines(HOSTILE) == "a\\x1b[31m\\u202eb\nc\\x85"


def test_an_error_goes_to_stderr(capsys):
    print_error("bench", ValueError("first\n  second"))
    assert capsys.readouterr() == ("", "bench: first\n  second\n")
