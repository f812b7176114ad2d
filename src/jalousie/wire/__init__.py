"""Messages between places. Nothing here keeps state, opens a connection or reads a clock.

canonical   JSON in exactly one form (RFC 8785)
keys        Ed25519 keys, in files and as text
envelope    signed messages (DSSE): who tells whom what, under which contract
arrow       one strict table of fixed-width columns as bytes
arrays      populations, questions, answers in that form
messages    every JSON message, as structs
problem     the one shape of an error (RFC 9457)
"""
