"""`python -m bench.data`: find or download Fashion-MNIST and print its folder."""

import sys

from bench.console import printable_lines
from bench.data.errors import DatasetError
from bench.data.locate import locate


def main() -> None:
    """Find or download Fashion-MNIST; print its folder."""
    try:
        print(locate(None))
    except DatasetError as error:
        sys.exit(printable_lines(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
