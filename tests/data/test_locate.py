"""Finding and downloading Fashion-MNIST: real servers, real packages, real processes."""

import gzip
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.data import fashion_mnist, locate
from bench.data.errors import DatasetError
from bench.data.fashion_mnist import FILES, TEST_LABELS
from bench.data.locate import Sources
from tests.data.conftest import replace_file

CACHED = {file.name for file in FILES}


@pytest.fixture
def copy(tmp_path, published):
    """A folder of links to the published files."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in published.iterdir():
        (folder / path.name).symlink_to(path)
    return folder


class Server(ThreadingHTTPServer):
    """Serves a folder and counts requests; can stall and truncate."""

    daemon_threads = True

    def __init__(self, folder):
        self.folder = str(folder)
        self.requested = []
        self.has_request = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.cut_to_bytes = None  # of each file, whatever its announced length
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, request, address, server):
        super().__init__(request, address, server, directory=server.folder)

    def do_GET(self):
        self.server.requested.append(self.path)
        self.server.has_request.set()
        self.server.gate.wait()
        super().do_GET()

    def copyfile(self, source, outputfile):
        outputfile.write(source.read(self.server.cut_to_bytes or -1))

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve():
    """Serve a folder on this machine until the test ends."""
    servers = []

    def start(folder):
        server = Server(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.gate.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def sources(tmp_path):
    """An empty cache, and no other source of files."""
    return Sources(cache=tmp_path / "cache", folders=(), urls=(), package=None)


def files_in(folder):
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def failure(sources):
    with pytest.raises(DatasetError) as caught:
        locate.locate(None, sources)
    return str(caught.value)


def test_a_download_ends_in_the_cache(sources, serve, published):
    server = serve(published)
    sources = replace(sources, urls=(server.url,))
    assert locate.locate(None, sources) == sources.cache
    assert files_in(sources.cache) == CACHED  # uncompressed, and nothing left over
    fashion_mnist.check(sources.cache)
    assert locate.locate(None, sources) == sources.cache
    assert len(server.requested) == len(FILES)


def test_a_copy_on_this_machine_is_preferred_to_a_download(sources, serve, published):
    server = serve(published)
    sources = replace(sources, folders=(published,), urls=(server.url,))
    assert locate.locate(None, sources) == published
    assert not server.requested
    assert not sources.cache.exists()


def test_a_damaged_copy_is_named_and_not_used(sources, copy, published, capsys):
    path = copy / f"{TEST_LABELS.name}.gz"
    replace_file(path, b"damaged")
    assert locate.locate(None, replace(sources, folders=(copy, published))) == published
    assert f"not used: {path}: not an IDX file" in capsys.readouterr().err


def test_a_damaged_cache_is_repaired(sources, serve, published, capsys):
    sources = replace(sources, urls=(serve(published).url,))
    locate.locate(None, sources)
    (sources.cache / TEST_LABELS.name).write_bytes(b"damaged")
    locate.locate(None, sources)
    fashion_mnist.check(sources.cache)
    assert f"not used: {sources.cache / TEST_LABELS.name}" in capsys.readouterr().err


def test_no_other_folder_replaces_a_given_one(sources, copy, published):
    (copy / f"{TEST_LABELS.name}.gz").unlink()
    with pytest.raises(DatasetError, match=TEST_LABELS.name):
        locate.locate(str(copy), replace(sources, folders=(published,)))


def test_the_next_address_is_tried(sources, serve, tmp_path, published):
    (tmp_path / "empty").mkdir()
    bad, good = serve(tmp_path / "empty"), serve(published)
    locate.locate(None, replace(sources, urls=(bad.url, good.url)))
    assert bad.requested
    fashion_mnist.check(sources.cache)


def test_a_missing_download_is_reported(sources, serve, tmp_path):
    (tmp_path / "empty").mkdir()
    server = serve(tmp_path / "empty")
    message = failure(replace(sources, urls=(server.url,)))
    assert f"{server.url}: train-labels-idx1-ubyte.gz: 404 File not found" in message
    assert not files_in(sources.cache)


def test_a_truncated_download_is_refused(sources, serve, published):
    server = serve(published)
    server.cut_to_bytes = 1_000
    message = failure(replace(sources, urls=(server.url,)))
    assert "truncated" in message or "IncompleteRead" in message
    assert not files_in(sources.cache)


def test_an_altered_download_is_refused(sources, serve, copy):
    path = copy / f"{TEST_LABELS.name}.gz"
    contents = bytearray(gzip.decompress(path.read_bytes()))
    contents[-1] = (contents[-1] + 1) % 10
    replace_file(path, gzip.compress(contents))
    message = failure(replace(sources, urls=(serve(copy).url,)))
    assert f"{path.name}: altered" in message
    assert TEST_LABELS.name not in files_in(sources.cache)


def test_an_endless_download_is_cut_off(sources, serve, copy):
    replace_file(copy / f"{FILES[0].name}.gz", bytes(100_000))
    message = failure(replace(sources, urls=(serve(copy).url,)))
    assert "longer than 60,008 bytes" in message


def test_a_host_that_refuses_is_reported(sources):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    message = failure(replace(sources, urls=(f"http://127.0.0.1:{port}",)))
    assert "Connection refused" in message


def test_a_host_that_never_answers_is_reported(sources):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        message = failure(replace(sources, urls=(url,), timeout_seconds=0.3))
    assert "timed out" in message or "no answer within 0.3 seconds" in message


FETCH = """
import sys
from pathlib import Path
from bench.data.locate import Sources, locate
cache, url = sys.argv[1:]
sources = Sources(
    cache=Path(cache), folders=(), urls=(url,), package=None, timeout_seconds=300.0
)
print(locate(None, sources))
"""


def start(sources, server, **variables):
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, str(sources.cache), server.url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_download_once(sources, serve, published):
    server = serve(published)
    server.gate.clear()

    with start(sources, server) as first:
        assert server.has_request.wait(60)
        with start(sources, server) as second:
            assert "another process is downloading it" in second.stderr.readline()
            server.gate.set()
            for process in (first, second):
                output, errors = process.communicate()
                assert (process.returncode, output) == (0, f"{sources.cache}\n"), errors
    assert len(server.requested) == len(FILES)
    assert files_in(sources.cache) == CACHED
    fashion_mnist.check(sources.cache)


def test_files_of_a_killed_process_are_deleted_by_the_next_download(
    sources, serve, published, tmp_path
):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = serve(published)
    server.gate.clear()
    with start(sources, server, TMPDIR=str(temporary)) as process:
        assert server.has_request.wait(60)
        process.kill()
    server.gate.set()
    (sources.cache / f".{TEST_LABELS.name}.temporary").touch()
    locate.locate(None, replace(sources, urls=(server.url,)))
    assert {path.name for path in sources.cache.iterdir()} == CACHED | {".lock"}
    assert not list(temporary.iterdir())


def test_the_error_lists_every_place_and_the_remedies(sources, tmp_path, copy):
    replace_file(copy / f"{TEST_LABELS.name}.gz", b"damaged")
    sources = replace(sources, folders=(tmp_path / "absent", copy), urls=("http://127.0.0.1:1",))
    lines = failure(sources).splitlines()
    assert lines[1] == f"  {sources.cache}: no such folder"
    assert lines[2] == f"  {tmp_path / 'absent'}: no such folder"
    assert lines[3].startswith(f"  {copy / TEST_LABELS.name}.gz: not an IDX file")
    assert lines[4].startswith("  http://127.0.0.1:1: train-labels-idx1-ubyte.gz: ")
    assert "apt-get install dataset-fashion-mnist" in "".join(lines[5:])
    assert "dataset.path=FOLDER" in lines[-1]


def test_a_cache_that_cannot_be_written_to_is_named(sources, tmp_path):
    (tmp_path / "file").touch()
    sources = replace(sources, cache=tmp_path / "file" / "cache")
    assert f"{sources.cache}: can't be written to: Not a directory" in failure(sources)


def test_the_places_follow_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/user")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    sources = locate.default_sources()
    assert str(sources.cache) == "/home/user/.cache/mlp-bench/fashion-mnist"
    assert list(map(str, sources.folders))[:3] == [
        "/usr/share/datasets/fashion-mnist",
        "/home/user/.keras/datasets/fashion-mnist",
        f"{tmp_path}/data/FashionMNIST/raw",
    ]
    assert all(url.startswith("https://") for url in sources.urls)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setenv("KERAS_HOME", "/keras")
    sources = locate.default_sources()
    assert str(sources.cache) == "/cache/mlp-bench/fashion-mnist"
    assert str(sources.folders[1]) == "/keras/datasets/fashion-mnist"


needs_apt = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="not a Debian system"
)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Make a Debian archive of one package; apt knows no other source and no installed package."""

    def make(files):
        package = tmp_path / "package"
        folder = package / locate.PACKAGE_FOLDER
        shutil.copytree(files, folder)
        control = (
            f"Package: {locate.PACKAGE}\nVersion: 1\nArchitecture: all\n"
            "Maintainer: Nobody <nobody@example.org>\nDescription: files\n"
        )
        (package / "DEBIAN").mkdir()
        (package / "DEBIAN" / "control").write_text(control)
        archive = tmp_path / "archive"
        archive.mkdir()
        subprocess.run(
            ["dpkg-deb", "-Znone", "-b", package, archive / "files.deb"],
            check=True,
            capture_output=True,
        )
        deb = (archive / "files.deb").read_bytes()
        (archive / "Packages").write_text(
            f"{control}Filename: ./files.deb\nSize: {len(deb)}\n"
            f"SHA256: {hashlib.sha256(deb).hexdigest()}\n"
        )
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] copy:{archive} ./\n")
        (tmp_path / "lists" / "partial").mkdir(parents=True)
        (tmp_path / "status").touch()
        (tmp_path / "apt.conf").write_text(
            f'Dir::Etc::SourceList "{tmp_path}/sources.list";\nDir::Etc::SourceParts "-";\n'
            f'Dir::State::Lists "{tmp_path}/lists/";\nDir::State::status "{tmp_path}/status";\n'
            'APT::Sandbox::User "root";\n'
        )
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        return archive

    return make


@needs_apt
def test_debians_package_is_unpacked_with_separate_package_lists(
    sources, archive, published, tmp_path
):
    archive(published)
    sources = replace(sources, package=locate.PACKAGE)
    assert locate.locate(None, sources) == sources.cache
    assert files_in(sources.cache) == CACHED
    assert not list((tmp_path / "lists").glob("*Packages*"))  # the system's are unchanged


@needs_apt
def test_debians_package_is_checked_too(sources, archive, copy):
    replace_file(copy / f"{TEST_LABELS.name}.gz", b"damaged")
    archive(copy)
    message = failure(replace(sources, package=locate.PACKAGE))
    assert f"{TEST_LABELS.name}.gz: not an IDX file" in message


@needs_apt
def test_an_archive_without_the_package_is_reported(sources, archive, copy):
    (archive(copy) / "Packages").write_text("")
    message = failure(replace(sources, package=locate.PACKAGE))
    assert "Debian's package dataset-fashion-mnist: 'apt-get download" in message
    assert "Unable to locate package" in message


def test_a_machine_without_apt_is_reported(sources, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    message = failure(replace(sources, package=locate.PACKAGE))
    assert "Debian's package dataset-fashion-mnist: apt-get is not installed" in message
