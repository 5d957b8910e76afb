"""Run the command line: `python -m credit`."""

from credit.cli import main

main()
