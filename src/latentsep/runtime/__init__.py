"""Where things are kept, how work is carried out, and what is said meanwhile; nothing here changes a result.

Imports nothing of the other rooms, and its code is no part of what names a record.
"""
