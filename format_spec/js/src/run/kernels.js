// One function for each operator that is computed here, by the operator's name. Arguments stand in the order
// of its schema, defaults too, after the maker of tensors; what does not go together is refused.
import { KERNELS as ACTIVATIONS } from "./activations.js";
import { KERNELS as ATTENTION } from "./attention.js";
import { KERNELS as CONVOLUTIONS } from "./convolutions.js";
import { KERNELS as DISTANCES } from "./distances.js";
import { KERNELS as INDEXING } from "./indexing.js";
import { KERNELS as MAKING } from "./making.js";
import { KERNELS as NORMS } from "./norms.js";
import { KERNELS as ORDERING } from "./ordering.js";
import { KERNELS as PADDING } from "./padding.js";
import { KERNELS as POINTWISE } from "./pointwise.js";
import { KERNELS as POOLING } from "./pooling.js";
import { KERNELS as PRODUCTS } from "./products.js";
import { KERNELS as RECURRENT } from "./recurrent.js";
import { KERNELS as REDUCTIONS } from "./reductions.js";
import { KERNELS as RESIZING } from "./resizing.js";
import { KERNELS as SAMPLING } from "./sampling.js";
import { KERNELS as SCATTERING } from "./scattering.js";
import { KERNELS as SHAPES } from "./shapes.js";
import { KERNELS as UNARY } from "./unary.js";

export const KERNELS = new Map([
  ACTIVATIONS, ATTENTION, CONVOLUTIONS, DISTANCES, INDEXING, MAKING, NORMS, ORDERING, PADDING, POINTWISE, POOLING,
  PRODUCTS, RECURRENT, REDUCTIONS, RESIZING, SAMPLING, SCATTERING, SHAPES, UNARY,
].flatMap((kind) => Object.entries(kind)));
