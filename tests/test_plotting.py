"""The names of picture files."""

from bench import plotting


def test_different_names_never_share_a_file():
    names = ["\u05d0\u05d1", "\u05d2\u05d3", "a b", "a_b", "a/b", "", "_", "x" * 61, "x" * 62]
    files = [plotting.file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert plotting.file_name("notebook_scratch") == "notebook_scratch"
    for file in files:
        assert file.isascii()
        assert "/" not in file
