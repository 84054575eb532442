"""Puts a host's desired content (a Machine, components/machine/machine.ts) on the host it runs on; see main.py.

Everything compares with the LIVE host: what was done before is never believed. Nothing but Python's own library, and of it
only what a verb needs: dozens of hosts start this program at once, and `typing` or `subprocess` take as long as the verb.
"""
