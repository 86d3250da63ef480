// Timelines and the video: a click seeks, and a line shows where it is. The
// listeners are the page's own, because the answers come and go.
() => {
  // What is recorded has no sound, and needs no microphone.
  const media = navigator.mediaDevices;
  if (media) {
    const ask = media.getUserMedia.bind(media);
    media.getUserMedia = (wanted) => ask({ ...wanted, audio: false });
  }

  // Gradio makes a file of what is recorded before the recorder has given the
  // last part, which may be all of it: the recorder is stopped first.
  let recorder = null;
  window.MediaRecorder = class extends window.MediaRecorder {
    constructor(...given) {
      super(...given);
      recorder = this;
    }
    stop() {
      if (this.state !== "inactive") super.stop();
    }
  };
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest("#vidrec-video .capture-button");
      if (!button || recorder?.state !== "recording") return;
      event.stopPropagation();
      event.preventDefault();
      recorder.addEventListener("stop", () => button.click(), { once: true });
      recorder.stop();
    },
    true,
  );

  const player = () => document.querySelector("#vidrec-video video");

  const seek = (seconds) => {
    const video = player();
    if (!video) return;
    video.currentTime = Math.min(seconds, video.duration || seconds);
    const box = video.getBoundingClientRect();
    if (box.bottom < 0 || box.top > window.innerHeight) {
      video.scrollIntoView({ block: "center" });
    }
  };

  const showNow = (video) => {
    for (const track of document.querySelectorAll(".vidrec-track")) {
      const share = video.currentTime / Number(track.dataset.length);
      const line = track.querySelector(".vidrec-now");
      line.style.left = `${100 * Math.min(Math.max(share, 0), 1)}%`;
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-seek]");
    const track = event.target.closest(".vidrec-track");
    if (button) {
      seek(Number(button.dataset.seek));
    } else if (track) {
      const box = track.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      seek(share * Number(track.dataset.length));
    }
  });
  for (const name of ["timeupdate", "seeking", "seeked"]) {
    // These do not bubble.
    document.addEventListener(
      name,
      (event) => {
        if (event.target === player()) showNow(event.target);
      },
      true,
    );
  }
};
