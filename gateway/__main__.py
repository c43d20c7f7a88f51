"""`python -m gateway` is the command `orderline`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
