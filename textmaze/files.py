"""Where files lie, and how they are written: to a temporary name beside the target, then moved into place."""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import textmaze
from textmaze.errors import RunError


def shipped_folder(name: str) -> Path:
    """The folder `agents` or `games`: inside the package where a wheel put it, beside it in a checkout."""
    package = Path(textmaze.__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def cache_folder() -> Path:
    """Where games made by TextWorld are kept; TEXTMAZE_CACHE names another place."""
    import platformdirs

    return Path(os.environ.get("TEXTMAZE_CACHE") or platformdirs.user_cache_dir("textmaze"))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}.") from None


def write_file(path: Path, data: str | bytes) -> None:
    """Write `path` whole or not at all, and durably: a crash leaves the old file or the new one."""
    write_parts(path, [data.encode("utf-8") if isinstance(data, str) else data])


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """The same of what comes piece by piece; where that raises an error, the old file stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except FileExistsError:
        raise RunError(f"{path} cannot be written: {path.parent} is not a folder.") from None
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read; a result is an ordinary file.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise RunError(f"{path} cannot be written: {error.strerror or error}.") from None
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
