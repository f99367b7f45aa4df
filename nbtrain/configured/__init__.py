"""From a configuration to a run: model, data, optimizer and schedule are made, and what remains is the
usual plan.

architecture.py  the word of a configuration -> a model
data.py          paths, import paths and variables -> loaders; readers/ has one file for each format
rates.py         optimizer and learning-rate schedule
building.py      all of it -> a plan
outcome.py       what a phase leaves: the test set's verdict, <phase>_results.md
"""
