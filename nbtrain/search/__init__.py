"""Hyperparameters: a space, trials of it by the same engine as every run, and what came of them.

space.py     what may be varied, and what may be drawn of it
reading.py   YAML or a mapping -> a Space
options.py   how it is searched
study.py     the trials on disk (Optuna's SQLite file), asked for and told
subject.py   values -> the plan of a training
trial.py     one trial: a run, judged at each validation
working.py   trial after trial, until there are enough
worker.py    the same in a process of its own
search.py    the handle people hold; readings.py what it tells; outcome.py what it leaves
pool.py      several processes at once
importance.py  which parameter decides
board.py     what a search has come to, as a report
"""
