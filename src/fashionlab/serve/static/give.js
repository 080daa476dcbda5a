// A picture from a file, a phone's camera, a drop or a paste.

import { $ } from "./show.js";

/** Call `look` with each picture, a file, that is given to the page. */
export function takePictures(look) {
  for (const input of [$("file"), $("camera")]) {
    input.addEventListener("change", () => {
      if (input.files.length) look(input.files[0]);
      input.value = ""; // the same file may be chosen again
    });
  }
  const drop = $("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer, look);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData, look) && event.preventDefault());
}

/** The first picture of a drop or a paste. */
function take(transfer, look) {
  const file = [...(transfer?.files ?? [])].find((candidate) => candidate.type.startsWith("image/"));
  if (file) look(file);
  return Boolean(file);
}
