"""Hooks of MkDocs: pages of the repository that lie outside docs/, the reference, and a plain twin of each page.

The site has all that its pages link to: README.md is its index, and other files of the repository lie under
`repository/`. Beside each `page.html` is its Markdown as `page.md`, and `llms.txt` lists these.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))
import reference

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.nav import Navigation
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "README.zh-CN.md": "zh/index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/README.md": "examples.md",
    "examples": "examples.md",
    "docs/decisions": "architecture.md",
}
"""Pages of the site, by their places in the repository; the others are in docs/."""
CHINESE = "zh/"
KEPT = "repository/"
_LINK = re.compile(r"(\]\(|\b(?:href|src)=\")(?!https?:|mailto:|#)([^)#\"\s]+)")
_twins: dict[str, str] = {}
_sections: dict[str, list[str]] = {}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in docs/, and the files that pages link to."""
    _twins.clear()
    made = {uri: (ROOT / place).read_text(encoding="utf-8") for place, uri in PAGES.items() if (ROOT / place).is_file()}
    made |= reference.pages()
    for uri, text in made.items():
        if _is_ours(uri, config):
            files.append(File.generated(config, _local(uri, config), content=text))
    for page in files.documentation_pages():
        for place in _outside(page.content_string, _place(page, config)):
            uri = KEPT + place
            if place not in PAGES and uri not in files.src_uris and (ROOT / place).is_file():
                files.append(File.generated(config, uri, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Turn links to the repository into links of the site."""
    origin, own = _place(page.file, config), page.file.src_uri

    def link(found: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[2]))
        uri = PAGES.get(place)
        if uri is None:
            uri = place.removeprefix("docs/") if place.startswith("docs/") else KEPT + place
        return found[1] + _between(own, uri, config)

    _twins[own] = text = _LINK.sub(link, markdown)
    return text


def on_nav(nav: Navigation, **_: Any) -> None:
    """Note the sections, for `llms.txt`."""
    _sections.clear()
    for section in nav.items:
        if section.is_section:
            _sections[section.title] = [page.file.src_uri for page in nav.pages if section in page.ancestors]


def on_post_build(config: MkDocsConfig) -> None:
    """Write the twins, and the list of them."""
    folder = Path(config.site_dir)
    for uri, text in _twins.items():
        target = folder / uri
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(reference.plain(text), encoding="utf-8")
    lines = [f"# {config.site_name}", "", f"> {config.site_description}", ""]
    for title, uris in _sections.items():
        lines += [f"## {title}", "", *(f"- [{_title(uri)}]({uri})" for uri in uris), ""]
    (folder / "llms.txt").write_text("\n".join(lines), encoding="utf-8")


def _title(uri: str) -> str:
    found = re.search(r"^# (.+)$", _twins[uri], re.MULTILINE)
    return found[1] if found else uri


def _is_ours(uri: str, config: MkDocsConfig) -> bool:
    return uri.startswith(CHINESE) == _is_chinese(config)


def _is_chinese(config: MkDocsConfig) -> bool:
    return Path(config.docs_dir).name == CHINESE.rstrip("/")


def _local(uri: str, config: MkDocsConfig) -> str:
    """Return the place of a page in its own site."""
    return uri.removeprefix(CHINESE) if _is_chinese(config) else uri


def _place(page: File, config: MkDocsConfig) -> str:
    """Return where the source of a page is in the repository."""
    prefix = CHINESE if _is_chinese(config) else ""
    return next(
        (place for place, uri in PAGES.items() if uri == prefix + page.src_uri and (ROOT / place).is_file()),
        f"docs/{prefix}{page.src_uri}",
    )


def _outside(text: str, origin: str) -> set[str]:
    """Return the files outside docs/ that a page links to, by their places in the repository."""
    folder = posixpath.dirname(origin)
    places = {posixpath.normpath(posixpath.join(folder, found[2])) for found in _LINK.finditer(text)}
    return {place for place in places if not place.startswith(("docs/", ".."))}


def _between(own: str, uri: str, config: MkDocsConfig) -> str:
    """Return a link from a page to a page of either language, relative to the page."""
    if not _is_chinese(config):
        target = uri if not uri.startswith(CHINESE) else re.sub(r"\.md$", ".html", uri)
        return posixpath.relpath(target, posixpath.dirname(own) or ".")
    if uri.startswith(CHINESE):
        return posixpath.relpath(uri.removeprefix(CHINESE), posixpath.dirname(own) or ".")
    return posixpath.relpath("../" + re.sub(r"\.md$", ".html", uri), posixpath.dirname(own) or ".")
