"""One page to open after every run: what the net learned, what it gets wrong, and how it was trained.

`cnnzoo.report` is the way in.
"""
