"""Files: whole or absent, locked by folder, and read only if plain and of bounded size."""

import os
import stat
import threading
from pathlib import Path

import pytest

from bench import files


def test_a_written_file_is_readable_by_all_and_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "new" / "record.json"
    files.write_atomically(path, b"first")
    files.write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_write_that_fails_keeps_the_old_file_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    files.write_atomically(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(files.FileError, match="No space left"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "sweep").write_text("")
    with pytest.raises(files.FileError, match="sweep"):
        files.write_atomically(tmp_path / "sweep" / "record.json", b"")
    with pytest.raises(files.FileError, match="sweep"), files.locked(tmp_path / "sweep"):
        pass


def test_of_two_writers_neither_deletes_the_temporary_file_of_the_other(tmp_path):
    path, temporary = tmp_path / "parity.json", tmp_path / ".parity.json.writing"
    with files.locked(tmp_path):
        temporary.write_text("half")
        other = threading.Thread(target=files.write_shared, args=(path, b"whole"))
        other.start()
        other.join(0.3)
        assert temporary.exists()
        assert not path.exists()
    other.join()  # the lock is released, so the writer of the temporary file has been killed
    assert path.read_bytes() == b"whole"
    assert not temporary.exists()


def test_locking_waits_for_another_process_only_if_requested(tmp_path):
    with files.locked(tmp_path) as first, files.locked(tmp_path, wait=False) as second:
        assert (first, second) == (True, False)
    with files.locked(tmp_path, wait=False) as again:
        assert again


@pytest.mark.parametrize("kind", ["pipe", "endless device", "folder", "missing"])
def test_what_is_not_a_plain_file_is_refused_at_once(kind, tmp_path):
    path = tmp_path / "record.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "endless device":
        path.symlink_to("/dev/zero")
    with pytest.raises(files.FileError, match=r"record\.json"):
        files.read_plain_file(path)


def test_a_file_far_too_large_is_refused_unread(tmp_path):
    path = Path(tmp_path / "record.json")
    with path.open("wb") as file:
        os.truncate(file.fileno(), 2**33)
    with pytest.raises(files.FileError, match="larger than"):
        files.read_plain_file(path)
