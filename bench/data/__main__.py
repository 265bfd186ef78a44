"""`python -m bench.data` finds or downloads Fashion-MNIST and prints its folder."""

import sys

from bench.data.datasets import DatasetError, DatasetSettings, locate


def main() -> None:
    """Find or fetch Fashion-MNIST and say where it is."""
    try:
        print(locate(DatasetSettings(name="fashion_mnist")))
    except DatasetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
