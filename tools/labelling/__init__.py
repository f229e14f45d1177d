"""Readers of what labelling tools export, a module each, and the data set that is made of it.

Every reader has `read(path)`, which returns a `labelled.Export`.
"""
