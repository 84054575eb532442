"""One host's part in the move of resources out of main to a cluster of their own; see main.py."""
