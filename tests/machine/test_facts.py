import subprocess

import pytest

from bench.machine import facts


def test_the_machine_is_described():
    described = facts.describe(["msgspec", "no-such-distribution"])
    assert described["cpu_model"]
    assert described["libraries"]["numpy"].count(".") == 2
    assert described["libraries"]["msgspec"]
    assert described["libraries"]["no-such-distribution"] is None
    assert len(described["load_average"]) == 3


def test_the_ceiling_is_a_rate_a_processor_can_have():
    assert 1e8 < facts.matmul_flops_per_second() < 1e14


@pytest.mark.parametrize(
    ("before", "after", "noisy"),
    [(100.0, 109.0, False), (100.0, 111.0, True), (111.0, 100.0, True)],
)
def test_a_ceiling_that_moves_by_more_than_a_tenth_is_noise(before, after, noisy):
    assert facts.is_noisy(before, after) is noisy


def test_the_commit_is_that_of_the_checkout():
    commit, dirty = facts.code_version()
    asked = subprocess.run(
        ["git", "-C", str(facts.PACKAGE.parent), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert commit == (asked.stdout.strip() if asked.returncode == 0 else None)
    assert (dirty is None) == (commit is None)


def test_a_new_file_of_code_makes_the_checkout_dirty_and_another_file_does_not(
    monkeypatch, tmp_path
):
    for folder in ("bench", "implementations", "conf"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("")
    named = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
    for words in (["init", "-q"], ["add", "."], [*named, "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    monkeypatch.setattr(facts, "PACKAGE", tmp_path / "bench" / "code.py")
    (tmp_path / "notes.txt").write_text("")
    assert facts.code_version()[1] is False
    (tmp_path / "implementations" / "new_mlp.py").write_text("")
    assert facts.code_version()[1] is True


def test_modules_are_named_by_their_distributions():
    told = facts.versions_of_modules(["msgspec", "numpy", "sys", "no_such_module"])
    assert set(told) == {"msgspec", "numpy"}
    assert told["numpy"].count(".") == 2
