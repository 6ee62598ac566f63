"""The built book in a real browser. ``needs.py`` says what has to be there; without it nothing here is collected."""
