"""`python -m bioxen.cli`, the same as the command `bioxen`."""

from bioxen.cli import main

main()
