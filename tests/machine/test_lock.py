"""Only one run is timed on a machine at a time, also with several users."""

import os
import subprocess
import sys

import pytest

from bench.files import FileError
from bench.machine import lock

NOBODY = 65534
HOLD = """
import os, sys, time
from pathlib import Path
from bench.machine import lock
lock.LOCK_PATH = Path(sys.argv[1])
os.umask(0o077)
os.setuid(int(sys.argv[3]))
with lock.reserved():
    print("held")
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def lock_path(monkeypatch, tmp_path):
    """A separate lock, so that tests do not wait for each other."""
    path = tmp_path / "lock"
    monkeypatch.setattr(lock, "LOCK_PATH", path)
    return path


@pytest.fixture
def hold(lock_path):
    """Start another process that takes the lock for some seconds; returned after its first line."""
    processes = []

    def start(seconds, first_line="held\n", user=None):
        process = subprocess.Popen(
            [
                sys.executable,
                "-uc",
                HOLD,
                str(lock_path),
                str(seconds),
                str(os.geteuid() if user is None else user),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == first_line
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_run_waits_for_the_run_of_another_process_and_prints_that(hold, capsys):
    process = hold(0.5)
    with lock.reserved():
        assert process.wait(timeout=10) == 0
    assert capsys.readouterr().out == f"{lock.WAITING}\n"


def test_the_lock_of_a_killed_process_is_released(hold):
    hold(1000).kill()
    with lock.reserved():
        pass


def test_a_shared_run_does_not_wait(hold):
    process = hold(1000)
    with lock.reserved(shared=True):
        assert process.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("first", [0, NOBODY])
def test_users_of_a_machine_share_the_lock(hold, lock_path, first):
    """The folder is like /tmp: the file belongs to the first user."""
    lock_path.parent.chmod(0o1777)
    for folder in lock_path.parents[1:]:  # the other user may look into pytest's folders
        if folder.owner() == "root" and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)
    holder = hold(1000, user=first)
    assert lock_path.stat().st_uid == first
    waiter = hold(0, f"{lock.WAITING}\n", user=NOBODY - first)
    holder.kill()
    assert waiter.communicate(timeout=20)[0] == "held\n"
    assert waiter.returncode == 0


def test_a_lock_that_exists_is_opened_without_creating_or_writing(lock_path, monkeypatch):
    """With fs.protected_regular, Linux refuses O_CREAT on another user's file in /tmp."""
    lock_path.touch(0o444)
    flags_used = []
    system_open = os.open
    monkeypatch.setattr(
        os, "open", lambda path, flags, *mode: flags_used.append(flags) or system_open(path, flags)
    )
    with lock.reserved():
        (flags,) = flags_used
    assert not flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR | os.O_TRUNC)


def make_symbolic_link(path):
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_symbolic_link, "is a symbolic link"),
        (os.mkfifo, "is not a plain file"),
        (os.mkdir, "is not a plain file"),
    ],
)
def test_a_path_that_is_not_a_plain_file_is_refused_with_a_remedy(lock_path, make, reason):
    make(lock_path)
    with (
        pytest.raises(FileError, match=f"{reason}.*share_machine=true"),
        lock.reserved(),
    ):
        pass
    assert not lock_path.with_name("elsewhere").exists()


def test_a_folder_that_cannot_be_written_to_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr(lock, "LOCK_PATH", lock.Path("/proc/mlp-bench.lock"))
    with (
        pytest.raises(FileError, match=r"can't be opened: .*share_machine=true"),
        lock.reserved(),
    ):
        pass


def test_the_path_does_not_depend_on_a_users_temporary_folder(tmp_path):
    """Two paths would be two locks; tests/sweep/test_single_run.py shows its use."""
    printed = subprocess.check_output(
        [sys.executable, "-c", "from bench.machine import lock; print(lock.LOCK_PATH)"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        text=True,
    )
    assert printed == f"{lock.LOCK_PATH}\n"
