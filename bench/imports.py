"""Find the source files that a module imports, and record the source that was imported.

A fingerprint of code must cover every imported file, and must be computed from the code that runs.
Therefore `sources` follows the import statements; a process that trains records the bytes of each
imported file (`record`), and later refuses to import other code (`seal`).

Standard library only: this is the first module of the project that such a process imports.
"""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PROJECT = Path(__file__).parents[1]  # the checkout, or site-packages
IMPLEMENTATIONS = "implementations"
PACKAGES = ("bench", IMPLEMENTATIONS)
LIBRARY_MARKS = ("*.dist-info", "*.egg-info")  # in a folder into which packages are installed

_plugin_folders: tuple[Path, ...] = ()
_recorded: dict[Path, bytes] | None = None  # None: this process does not record
_sealed: Mapping[Path, bytes] = {}
_library_folders: tuple[Path, ...] = ()
_installed: frozenset[str] = frozenset()


def use_plugin_folders(folders: Sequence[Path]) -> None:
    """From now on, `implementations` also contains the modules of these folders, and no others.

    Args:
        folders: absolute; the modules are in their subfolders `implementations`. The user must have
            named or installed each.
    """
    global _plugin_folders
    _plugin_folders = tuple(folders)
    importlib.invalidate_caches()  # files may be newer than what Python knows of a folder


def plugin_folders() -> tuple[Path, ...]:
    """Return the folders from `use_plugin_folders`."""
    return _plugin_folders


def implementation_folders() -> tuple[Path, ...]:
    """Return the folders of the package `implementations`, the project's own first."""
    return tuple(folder / IMPLEMENTATIONS for folder in (PROJECT, *_plugin_folders))


def sources(*modules: str) -> dict[Path, bytes]:
    """Return the source files of modules and of everything they import, except installed libraries.

    Import statements are followed also inside functions, and also into a user's modules outside
    the project.

    Args:
        modules: dotted names.

    Returns:
        Contents by path: the bytes that were imported, if recorded; else the file's contents.
    """
    contents: dict[Path, bytes] = {}
    names, seen = list(modules), set[str]()
    while names:
        name = names.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        parent = name.rpartition(".")[0]
        names.append(parent)
        path = _file_of(name)
        if path is not None:
            source = (_recorded or {}).get(path) or path.read_bytes()
            contents[path] = source
            names += imported_names(source, name if path.name == "__init__.py" else parent)
    return dict(sorted(contents.items()))


def _file_of(name: str) -> Path | None:
    top, *rest = name.split(".")
    folder = PROJECT if top in PACKAGES else _folder_of_user_module(top)
    folders = [] if folder is None else [folder]
    if top == IMPLEMENTATIONS and rest:
        folders += _plugin_folders
    paths = [folder.joinpath(top, *rest) for folder in folders]
    candidates = [
        candidate
        for path in paths
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py"))
    ]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@functools.cache
def _folder_of_user_module(top: str) -> Path | None:
    """Return the folder of a module that is neither installed nor in the standard library."""
    spec = None if top in sys.stdlib_module_names else PathFinder.find_spec(top)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    folder = path.parents[1] if path.name == "__init__.py" else path.parent
    return None if any(any(folder.glob(mark)) for mark in LIBRARY_MARKS) else folder


@functools.lru_cache(maxsize=1000)
def imported_names(source: bytes, package: str = "") -> tuple[str, ...]:
    """Return the imported modules of a source; for `from a import b`, a and a.b.

    Args:
        source: Python code.
        package: the package of the module, for relative imports.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()  # importing it fails, and the run reports why
    return tuple(name for node in ast.walk(tree) for name in _names_of(node, package))


def _names_of(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: 1 - node.level or None]
            base = ".".join([*above, base]).rstrip(".")
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def load_from_project() -> None:
    """From now on, import the project's packages from `PROJECT`, not others of the same names."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def record() -> None:
    """From now on, keep the source of each project file that this process imports."""
    global _recorded, _library_folders, _installed
    load_from_project()
    # Libraries such as setuptools add folders to the path later: nothing was installed by that.
    _library_folders = tuple(Path(entry) for entry in sys.path)
    _recorded, _installed = {}, _installed_libraries()


def seal(allowed: Mapping[Path, bytes]) -> None:
    """From now on, import project files only with these contents."""
    global _sealed
    _sealed = allowed


def libraries_changed() -> bool:
    """Return whether libraries were installed or removed since `record` was called."""
    return _recorded is not None and _installed_libraries() != _installed


def _installed_libraries() -> frozenset[str]:
    """Return names such as `numpy-2.1.0.dist-info`, of all libraries in `_library_folders`."""
    return frozenset(
        path.name
        for folder in _library_folders
        for mark in LIBRARY_MARKS
        for path in folder.glob(mark)
    )


class _Finder(MetaPathFinder):
    """Finds the project's packages in `PROJECT`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, inner = fullname.partition(".")
        if top not in PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, path if inner else [str(PROJECT)], target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Compiles and records the source. Python's cache might contain the code of an older source."""

    def get_code(self, fullname: str) -> CodeType | None:
        if _recorded is None:
            return super().get_code(fullname)
        path, source = Path(self.path), self.get_data(self.path)
        if _sealed and _sealed.get(path) != source:
            cause = (
                "was edited after this run had started"
                if path in _sealed
                else (
                    "is not among the source files of this run: import it with an import statement"
                )
            )
            raise ImportError(f"{path}: {cause}", name=fullname, path=self.path)
        _recorded[path] = source
        code: CodeType = self.source_to_code(source, self.path)
        return code
