"""A small symbolic interpreter: runs a source on paper, never for real, and writes down what training does.

It owns values, scopes, loops, branches and the trace of events. It knows no rule and gives no advice.
"""
