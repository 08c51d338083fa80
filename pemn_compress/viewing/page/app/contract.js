// What goes into a model and what comes out, as its archive and its graph say.
import { facts, show } from "./dom.js";
import { claimed, shape } from "./words.js";

const LARGEST = 2048;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const numbers = (value) => Array.isArray(value) && value.length > 0 && value.every(isNumber);
const texts = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");

/** What an archive says goes in and comes out; null in the place of what it does not say, or what makes no sense. */
export function contractOf({ about }, graph) {
  const told = about?.input ?? {}, input = graph?.inputs?.length === 1 ? graph.inputs[0] : null;
  const fixed = input?.shape.slice(1) ?? null, claims = numbers(told.shape) ? told.shape : null;
  const sizes = numbers(fixed) ? fixed : claims;
  const isPicture = sizes?.length === 3 && [1, 3].includes(sizes[0]) && Math.max(...sizes) <= LARGEST;
  const picture = isPicture && input?.dtype === "f32" && input.shape.length === 4;
  const fits = (list) => numbers(list) && (list.length === sizes?.[0] || list.length === 1);
  const hasStatistics = fits(told.mean) && fits(told.std) && told.std.every((one) => one > 0);
  const spread = (list) => Array.from({ length: sizes[0] }, (_, i) => list[i] ?? list[0]);
  return {
    sizes, picture, classes: texts(about?.classes) ? about.classes : null,
    mean: hasStatistics ? spread(told.mean) : null, std: hasStatistics ? spread(told.std) : null,
  };
}

export function drawContract(contract) {
  const { sizes, mean, std, classes } = contract;
  if (sizes === null && mean === null && classes === null) return show("contract");
  return show("contract", facts([
    ["input", sizes === null ? "not told" : `${shape(sizes)} for each sample`],
    ["normalised by", mean === null ? "not told" : `(pixel / 255 - mean) / std, mean ${claimed(mean)}, std ${claimed(std)}`],
    ["classes", classes === null ? "not told" : `${classes.length}: ${claimed(classes)}`],
  ]));
}
