"""`python -m pyspec`."""

from pyspec.cli.main import main

if __name__ == "__main__":
    main()
