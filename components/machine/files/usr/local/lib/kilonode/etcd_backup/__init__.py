"""Backups of the etcd shard that this host is a member of; see main.py.

Nothing but Python's own library. What other members and the store say is bounded and checked before it is used.
"""
