"""Puts a snapshot in the place of the data of this host's etcd member; see main.py."""
