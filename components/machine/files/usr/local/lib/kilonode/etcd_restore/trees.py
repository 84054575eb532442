"""Whole folders: removed, and known to be on the disk."""

from __future__ import annotations

import os

from machine_apply.host import Host


def remove_tree(host: Host, path: str) -> None:
    """By descriptors: whoever may write in its folder does not lead this elsewhere."""
    folder, name = os.path.split(path)
    if not os.path.lexists(host.path(path)):
        return
    with host.directory(folder) as fd:
        if os.path.islink(host.path(path)):
            os.unlink(name, dir_fd=fd)
        else:
            _remove(name, fd)


def _remove(name: str, folder: int) -> None:
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        with os.scandir(fd) as entries:
            inner = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for entry, is_folder in inner:
            if is_folder:
                _remove(entry, fd)
            else:
                os.unlink(entry, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=folder)


def sync_tree(path: str) -> None:
    for folder, _, names in os.walk(path):
        for name in (*names, "."):
            fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW)
            os.fsync(fd)
            os.close(fd)
