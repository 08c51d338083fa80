// Trying the model: a picture where it takes one, and numbers for any input.
import { classify } from "./classify.js";
import { contractOf, drawContract } from "./contract.js";
import { find, note, show, wrong } from "./dom.js";
import { drawNumbers } from "./numbers.js";
import { printable } from "./words.js";

/** Why the model cannot be run, or null. */
function reason(graph) {
  if (graph === null) return "The model cannot be tried: the archive does not say what it computes.";
  if (graph.error !== undefined) return "The model cannot be tried: the graph cannot be read.";
  return graph.missing.length === 0 ? null : `The model cannot be tried here: this page cannot compute ${printable(graph.missing.join(", "))}.`;
}

/** Set up what runs the model; `ask` asks the worker, `tell` speaks to the live region. Returns what takes pixels, and arrays. */
export function prepareTrial(listed, graph, ask, tell) {
  const contract = contractOf(listed, graph), why = reason(graph), picture = why === null && contract.picture;
  drawContract(contract);
  find("choose-picture").hidden = !picture;
  show("numbers");
  show("classified", note(why ?? (picture ? "Choose a picture, or drop one anywhere on this page."
    : "The model takes no single picture of 1 or 3 channels: give it numbers.")));
  let turns = 0; // runs and arrays so far: a run that ends after something newer does not speak over it
  const run = async (work) => {
    const turn = ++turns, say = (...words) => (turn === turns ? tell(...words) : undefined);
    try {
      say(await work());
    } catch (error) {
      show("classified", wrong(printable(error.message)));
      say(printable(error.message), true);
    }
  };
  const take = why === null ? drawNumbers({ graph, contract, ask, run, open: !picture }) : null;
  return {
    takePicture: (pixels) => (picture ? run(() => classify(pixels, contract, ask))
      : tell(why ?? "The model takes something else than one picture of 1 or 3 channels.", true)),
    takeArray: (name, data) => {
      if (take === null) return tell(why, true);
      turns++;
      try {
        return tell(take(name, data));
      } catch (error) {
        return tell(printable(`${name}: ${error.message}`), true);
      }
    },
  };
}
