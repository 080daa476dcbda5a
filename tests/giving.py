"""Pictures given to a page in a real browser."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any


def transfer(page: Any, picture: Path, kind: str, event: str, where: str) -> None:
    """Drop or paste the JPEG file `picture`, as the browser would."""
    content = base64.b64encode(picture.read_bytes()).decode()
    page.evaluate("""([content, kind, event, where]) => {
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "boot.jpg", { type: "image/jpeg" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
        document.querySelector(where).dispatchEvent(new (window[kind])(event, init));
    }""", [content, kind, event, where])


def everywhere(page: Any, chosen: Path, taken: Path, moved: Path) -> list[Any]:
    """The ways to give it a picture, each to be called: chosen as a file, taken as a photo, dropped, pasted."""
    return [lambda: page.set_input_files("#file", chosen), lambda: page.set_input_files("#camera", taken),
            lambda: transfer(page, moved, "DragEvent", "drop", "#drop"),
            lambda: transfer(page, moved, "ClipboardEvent", "paste", "body")]
