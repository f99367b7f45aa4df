"""What lies about after weeks of training, sized, with the command that removes each. It removes nothing.

findings.py  one thing that lies about
looking.py   a folder -> everything that lies about in it
report.py    the list, with its commands
"""
