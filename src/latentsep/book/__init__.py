"""From text to pages: what chapters need computed, how they are executed, rendered, searched and inspected.

May import everything but ``commands``; it alone knows Jupyter, papermill and Sphinx. What chapters themselves import
of it is ``prose``.
"""
