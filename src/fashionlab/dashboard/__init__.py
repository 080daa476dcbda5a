"""A local page over a folder of runs: a table of all, live curves of those in training, comparison of the ticked ones.

Takes the path of the folder. Gives a web application that reads run folders and never writes; nothing here imports
torch, so that it starts at once beside a training that needs the machine.
"""
