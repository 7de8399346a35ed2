"""A page about a finished run: what the net learned, what it misclassifies, and how it was trained.

It is made by `cnnzoo.report`.
"""
