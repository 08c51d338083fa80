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
  const { sizes, picture, mean, std, classes } = contract, normalised = `(pixel / 255 - mean) / std, mean ${claimed(mean)}, std ${claimed(std)}`;
  const rows = [
    ["input", sizes === null ? null : `${shape(sizes)} for each sample`], ["normalised by", mean === null ? null : normalised],
    ["classes", classes === null ? null : `${classes.length}: ${claimed(classes)}`],
  ]; // what is not told says something of pictures alone
  show("contract", facts(rows.filter(([, told]) => picture || told !== null).map(([name, told]) => [name, told ?? "not told"])));
}
