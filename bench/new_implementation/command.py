"""`bench new-implementation NAME [FOLDER]`: write the two files of a new implementation."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path

from bench.config.user_files import choices
from bench.console import print_error, printable

HERE = Path(__file__).parent
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
DESCRIPTION = """\
Writes FOLDER/implementation/NAME.yaml, which describes an implementation, and
FOLDER/implementations/NAME_mlp.py, with the methods to write. Existing files are kept.
"""


def main() -> int:
    """Write the files, and print what to do next.

    Returns:
        The exit status: 2 if the name is refused or a file exists.
    """
    parser = argparse.ArgumentParser(prog="bench new-implementation", description=DESCRIPTION)
    parser.add_argument("name", metavar="NAME", help="small letters, digits and '_'")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", help="a folder (NAME)")
    arguments = parser.parse_args(sys.argv[2:])
    name, folder = arguments.name, Path(arguments.folder or arguments.name)
    if problem := _problem_of(name):
        print_error("bench new-implementation", f"{printable(name)}: {problem}")
        return 2
    files = {
        folder / "implementation" / f"{name}.yaml": "template.yaml",
        folder / "implementations" / f"{name}_mlp.py": "template.py",
    }
    for path in files:
        if path.exists():
            print_error("bench new-implementation", f"{path}: exists; choose another NAME")
            return 2
    try:
        for path, template in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            text = (HERE / template).read_text(encoding="utf-8")
            with path.open("x", encoding="utf-8") as file:
                file.write(text.replace("NAME", name) if template.endswith(".yaml") else text)
            print(f"wrote {printable(path)}")
    except OSError as error:
        path = Path(error.filename or folder)
        print_error("bench new-implementation", f"{path}: can't be written: {error.strerror}")
        return 2
    option = shlex.quote(f"--config-dir={folder}")
    print(
        f"Write the methods of {name}_mlp.py, then check and run it:\n"
        f"  bench-parity {option} --implementation {name}\n"
        f"  bench {option} implementation={name}"
    )
    return 0


def _problem_of(name: str) -> str:
    """Return why a name can't be used; "" if it can."""
    if not NAME_PATTERN.fullmatch(name):
        return "must be up to 40 small letters, digits and '_', beginning with a letter"
    if name in choices("implementation"):
        return "an implementation of this name exists; choose another NAME"
    return ""
