"""``python -m nstyle``."""

from nstyle.cli import main

if __name__ == "__main__":
    main()
