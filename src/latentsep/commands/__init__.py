"""The command line, and what only it does: records that travel, chapters over values of parameters.

May import everything; nothing imports it.
"""
