"""A request in words -> the one command that trains what is meant, run only after a yes.

Nothing of the request gets into the command: its words choose among what lies in the folder, and whole
numbers
are taken as numbers. The command is a list of arguments of one of two forms, checked once more before it
runs;
no shell ever sees it.

request.py   the words, and what is refused among them
found.py     configurations, scripts and checkpoints of a folder
choosing.py  which of them is meant
proposal.py  the command, checked, and its report
running.py   a checked command as a process, its output line by line
"""
