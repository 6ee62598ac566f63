"""What the chapters find: one module a chapter, which computes its numbers and hands them over by name.

May import ``ledger`` and what is below it. A chapter glues the fields of a summary into its sentences with
``prose.tell``.
"""
