"""Files that come with the package: examples and guides. In a clone they are beside the sources."""

from __future__ import annotations

from pathlib import Path

EXAMPLES, GUIDES = "examples", "docs"
_PACKAGE = Path(__file__).parents[1]


def shipped_folder(name: str) -> Path:
    """Return the folder of the examples or of the guides."""
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name


def examples() -> dict[str, Path]:
    """Return the files of the examples by their names, such as `node/client.mjs`."""
    folder = shipped_folder(EXAMPLES)
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", "node_modules"} & {*path.parts} and path != folder / "README.md"
    }


def guides() -> dict[str, Path]:
    """Return the pages of the documentation by their names, such as `make-it-fail`."""
    folder = shipped_folder(GUIDES)
    pages = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.md"))}
    return {name: path for name, path in pages.items() if not name.startswith("decisions/")}  # for developers


def title(page: str) -> str:
    """Return the first heading of a page."""
    return page.partition("\n")[0].removeprefix("# ")
