"""Configurations: YAML in three dialects, read safely, checked as a whole, resolved into one set of settings.

    reading.py   YAML -> a tree that knows its lines; hostile files are refused early
    dialects.py  which dialect it is, and which key of it means which setting
    settings.py  the one schema: every setting with its type and range
    checking.py  all of it: a configuration, or every error and warning at once
"""
