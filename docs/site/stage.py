"""Pages of the repository as pages of the site: copied, with links that lead where the site has them."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s]+)\)")
SPEC_BLOCK = re.compile(r"^(<!-- (?:file|append|in) \S+\.pspec\b.*? -->\n```)text$", re.MULTILINE)
FENCE = re.compile(r"^(```.*?^```|~~~.*?^~~~)", re.MULTILINE | re.DOTALL)


def write(path: Path, text: str) -> None:
    """Writes a file if its text differs, so that unchanged pages are not built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class Stage:
    """The folder that Sphinx reads; what is in it and was not staged in this build is removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staged: set[Path] = set()

    def page(self, name: str, text: str) -> None:
        """A page whose text is made."""
        target = self.folder / name
        write(target, text)
        self.staged.add(target)

    def copy(self, source: Path, name: str) -> None:
        """A file as it is."""
        target = self.folder / name
        self.staged.add(target)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def document(self, source: Path, name: str, more: str = "") -> None:
        """A page of the repository, its links led to the site."""
        text = SPEC_BLOCK.sub(r"\1pspec", source.read_text(encoding="utf-8"))
        parts = FENCE.split(text)
        done = [part if FENCE.match(part) else self._linked(part, source, name) for part in parts]
        self.page(name, "".join(done) + more)

    def _linked(self, text: str, source: Path, name: str) -> str:
        def lead(match: re.Match[str]) -> str:
            return f"{match[1]}({self._target(match[2], source, name)})"

        return LINK.sub(lead, text)

    def _target(self, link: str, source: Path, name: str) -> str:
        """Where a link of a page leads in the site."""
        if re.match(r"[a-z]+:|#", link):
            return link
        path, hash_, anchor = link.partition("#")
        to = (source.parent / path).resolve()
        if not to.exists() or not to.is_relative_to(ROOT):
            return link  # Sphinx says that it is broken
        found = self._place(to)
        return os.path.relpath(found, Path(name).parent) + hash_ + anchor

    def _place(self, to: Path) -> str:
        inside = to.relative_to(ROOT)
        if inside.as_posix() == "README.md":
            return "index.md"
        if inside.parts[0] == "docs":
            within = inside.relative_to("docs").as_posix()
            if to.is_dir():
                return f"{within}/index.md"
            if to.suffix in (".md", ".svg", ".png"):
                return within
        if inside.parts[0] == "specs" and len(inside.parts) == 2 and to.suffix == ".pspec":
            return f"protocols/{to.stem}.md"
        if to.is_dir():
            return "architecture.md"
        kept = f"files/{inside.as_posix()}"
        self.copy(to, kept)
        return kept

    def sweep(self) -> None:
        """Removes pages of earlier builds that are gone."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path not in self.staged:
                path.unlink()
