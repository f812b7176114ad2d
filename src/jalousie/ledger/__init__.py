"""The append-only log of everything that left a place.

merkle       the tree of RFC 9162: roots, proofs, their verification
note         signed notes and cosignatures (C2SP)
checkpoint   origin, size and root, signed; what a witness checks before it cosigns
entry        what is recorded: digests, budgets, minutes
log          a ledger over any storage; its export
verify       an export, verified offline: names the first bad entry
replay       budgets and refusals, recomputed from the entries
"""
