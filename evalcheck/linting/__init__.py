"""Goes over the files of a tree: which to read, what was known of them before, who reads which.

``sweep`` and ``cache`` load nothing heavy, so that a run in which no rule is concerned, or in which
all is known already, is over at once.
"""
