"""What the sources say against what was found: items, checks, verdicts, errors, and how they show themselves.

May import everything below ``book``, and nothing below it knows what a source says.
"""
