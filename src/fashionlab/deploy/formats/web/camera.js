// The camera of a computer, live. On a phone its own camera app does better: there a file input opens it.

import { $ } from "./show.js";

/** Offer the camera where there is one to be asked, call `look` with each photo and `fail` with what goes wrong. */
export function offerCamera(look, fail) {
  if (!navigator.mediaDevices?.getUserMedia || !matchMedia("(pointer: fine)").matches) return;
  $("photo").hidden = true;
  $("live").hidden = false;
  let stream = null;
  const close = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    $("viewer").hidden = true;
  };
  $("live").addEventListener("click", async () => {
    close();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch (error) {
      fail(new Error(`The camera cannot be used (${error.message}).`));
      return;
    }
    $("video").srcObject = stream;
    $("viewer").hidden = false;
  });
  $("shoot").addEventListener("click", () => {
    const { videoWidth: width, videoHeight: height } = $("video");
    if (!width) return; // nothing seen yet
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage($("video"), 0, 0);
    close();
    canvas.toBlob(look);
  });
  $("leave").addEventListener("click", close);
}
