"""The ledger: order lines, quantities, and how statements of several systems become one line.

Pure Python, standard library only, no input or output. Every other room speaks
these words; this room knows none of theirs.
"""
