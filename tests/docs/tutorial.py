"""The blocks of docs/tutorial.md that are files: how each changes the file it names."""

from pathlib import Path


def apply_block(folder: Path, how: str, name: str, text: str) -> None:
    """`file`: the whole file; `append`: before the model; `replace`: the action of that name; `model`: the model."""
    path = folder / name
    if how == "file":
        path.write_text(text)
        return
    body, model = _split(path.read_text())
    if how == "append":
        path.write_text(f"{body}\n{text}\n{model}")
    elif how == "replace":
        start = body.index(text.splitlines()[0])
        end = body.find("\n\n", start)
        path.write_text(f"{body[:start]}{text}{body[end:] if end >= 0 else ''}\n{model}")
    else:
        assert how == "model"
        path.write_text(f"{body}\n{text}")


def _split(text: str) -> tuple[str, str]:
    """What is before the first model, and the rest."""
    at = text.index("\nmodel ")
    return text[: at + 1], text[at + 1 :]
