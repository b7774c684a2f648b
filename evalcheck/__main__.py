"""``python -m evalcheck`` is ``evalcheck``."""

from evalcheck.cli import main

if __name__ == "__main__":
    main()
