"""`python -m bench.data` finds or downloads Fashion-MNIST and prints its folder."""

import sys

from bench.console import printable_lines
from bench.data.errors import DatasetError
from bench.data.locate import locate


def main() -> None:
    """Print the folder that Fashion-MNIST is in, after downloading it if it is not here."""
    try:
        print(locate(None))
    except DatasetError as error:
        sys.exit(printable_lines(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
