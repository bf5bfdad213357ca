// A page opened from disk may not start a worker, which the search is: here it runs in a hidden
// frame. (The generator would fetch such a script from the network.)
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.frame = frame;
      const inside = frame.contentWindow;
      inside.answer = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.load = (...urls) =>
        urls.reduce((before, src) => before.then(() => new Promise((done) => {
          const script = inside.document.createElement("script");
          Object.assign(script, { src, onload: done });
          inside.document.body.append(script);
        })), Promise.resolve());
      inside.document.open(); // takes away what listened before
      this.ready = new Promise((done) => { inside.addEventListener("load", done); });
      inside.document.write(
        "<body><script>postMessage = answer; importScripts = load;</script>" +
        `<script src="${url}"></script></body>`);
      inside.document.close();
    }
    postMessage(data) {
      this.ready.then(() => {
        const message = { data: structuredClone(data) };
        this.frame.contentWindow.dispatchEvent(new MessageEvent("message", message));
      });
    }
    terminate() { this.frame.remove(); }
  };
}
