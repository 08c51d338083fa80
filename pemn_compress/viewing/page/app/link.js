// The worker that reads archives: made of texts of this page, so that it works from a file:// address too.
import { find } from "./dom.js";

/** A worker, and a function that asks it something and promises the answer. */
export class Link {
  #worker;
  #waiting = new Map();
  #next = 0;

  /** `told(message)` gets what the worker says without being asked. */
  constructor(told) {
    const texts = ["reader", "worker"].map((id) => find(id).textContent);
    const url = URL.createObjectURL(new Blob(texts, { type: "text/javascript" }));
    this.#worker = new Worker(url);
    URL.revokeObjectURL(url);
    this.#worker.onmessage = ({ data }) => {
      if (data.id === undefined) return told(data);
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      return data.error === undefined ? resolve(data.answer) : reject(new Error(data.error));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error("The browser ran out of memory, or could not go on with this file.");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      told({ failed: error.message });
    };
  }

  ask(question, transfer = []) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...question, id }, transfer);
    });
  }

  end() {
    this.#worker.terminate();
  }
}
