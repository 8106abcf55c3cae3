"""Where the shipped templates and configuration lie, and how an operator's own folder goes over them file by file.

A wheel carries them as gateway/_share/; in a source checkout they are the folders beside this package. What the files
mean is no business of this module.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

import jinja2

from gateway.errors import Misconfigured

Folder = Literal["templates", "config"]

_PACKAGE = Path(__file__).resolve().parent


def read_text(folder: Folder, name: str, override: Path | None) -> str:
    """Return the text of a file, the operator's own before the shipped one; `name` is relative, with slashes.

    Raises Misconfigured when neither exists, the file cannot be read, or the name leads out of the folder.
    """
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise Misconfigured(f"{name!r} is not a file name inside {folder}")
    for root in _roots(folder, override):
        path = root / name
        try:
            return path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except UnicodeDecodeError:
            raise Misconfigured(f"{path} is not UTF-8 text") from None
        except OSError as error:
            raise Misconfigured(f"{path} cannot be read: {error.strerror}") from None
    raise Misconfigured(f"there is no file {folder}/{name}")


def names(folder: Folder, pattern: str, override: Path | None) -> tuple[str, ...]:
    """Return the names that `read_text` finds for a glob pattern such as "policies/*.toml", sorted.

    Raises Misconfigured when the operator's folder does not exist.
    """
    found = {
        path.relative_to(root).as_posix()
        for root in _roots(folder, override)
        for path in root.glob(pattern)
        if path.is_file()
    }
    return tuple(sorted(found))


def template_loader(override: Path | None) -> jinja2.BaseLoader:
    """Return a loader of templates, the operator's own before the shipped ones.

    Raises Misconfigured when the operator's folder does not exist.
    """
    return jinja2.FileSystemLoader(_roots("templates", override))


def _roots(folder: Folder, override: Path | None) -> tuple[Path, ...]:
    installed = _PACKAGE / "_share" / folder
    shipped = installed if installed.is_dir() else _PACKAGE.parent / folder
    if override is None:
        return (shipped,)
    if not override.is_dir():
        raise Misconfigured(f"there is no folder {override} (the operator's own {folder})")
    return (override, shipped)
