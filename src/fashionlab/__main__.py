"""`python -m fashionlab`, which is also what `torchrun -m fashionlab train ...` starts."""

from fashionlab.cli.main import entry

if __name__ == "__main__":
    entry()
