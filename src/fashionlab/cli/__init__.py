"""The command line: one file a command, each of which parses, makes one library call and prints.

Modules here import only typer and fashionlab.common.errors at the top; everything heavy is imported inside the command,
so that `fashionlab --help` answers at once.
"""
