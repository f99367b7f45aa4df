// What each chart shows: titles, curves, colours. Knows nothing of how it is drawn.

/**
 * @typedef {object} Line
 * @property {"steps" | "evals"} from the curve it is a column of
 * @property {string} column
 * @property {string} label
 * @property {string} role colour, see theme.js
 * @property {"line" | "faint" | "smoothed" | "points"} style faint: raw values, with the band of their extremes;
 *   smoothed: the same with a smoothed line over it
 *
 * @typedef {object} Spec
 * @property {string} id
 * @property {string} title
 * @property {Line[]} lines
 * @property {(value: number | null) => string} show
 * @property {string} [unit] said behind the title
 * @property {boolean} [wide] has the tall row at the top
 * @property {boolean} [fromZero] the axis starts at zero, so that small swings look small
 * @property {string} [named] the lines are called as this list of the run's state says; others are left out
 * @property {boolean} [percent] the axis is labelled in percent
 * @property {"all" | "lr"} [marks] all: best validation, alerts, changes by hand; lr: changes of the learning rate by
 *   name; without it changes are lines without a name
 * @property {boolean} [robust] the axis does not follow single wild raw values
 */

import { number, percent, setting, shortCount } from "./format.js";

/** @type {Spec[]} */
export const SPECS = [
  {
    id: "loss",
    title: "Loss",
    wide: true,
    marks: "all",
    robust: true,
    show: number,
    lines: [
      { from: "steps", column: "train_loss", label: "train, raw", role: "train", style: "faint" },
      { from: "steps", column: "smooth_loss", label: "train", role: "train", style: "line" },
      { from: "evals", column: "val_loss", label: "valid", role: "valid", style: "points" },
    ],
  },
  {
    id: "losses",
    title: "Loss by optimizer",
    wide: true,
    named: "optimizers",
    show: number,
    lines: ["train", "valid", "gradient", "lr"].map((role, i) => ({
      from: "steps",
      column: `loss_${i + 1}`,
      label: "",
      role,
      style: "line",
    })),
  },
  {
    id: "accuracy",
    title: "Accuracy",
    wide: true,
    percent: true,
    show: percent,
    lines: [
      { from: "evals", column: "train_acc", label: "train", role: "train", style: "points" },
      { from: "evals", column: "val_acc", label: "valid", role: "valid", style: "points" },
    ],
  },
  {
    id: "gradient",
    title: "Gradient norm",
    show: number,
    lines: [{ from: "steps", column: "grad_norm", label: "norm", role: "gradient", style: "smoothed" }],
  },
  {
    id: "lr",
    title: "Learning rate",
    show: setting,
    marks: "lr",
    lines: [{ from: "steps", column: "lr", label: "lr", role: "lr", style: "line" }],
  },
  {
    id: "throughput",
    title: "Throughput",
    unit: "samples/s",
    fromZero: true,
    show: (value) => (value === null ? "–" : `${shortCount(value)}/s`),
    lines: [{ from: "steps", column: "samples_per_s", label: "samples", role: "throughput", style: "line" }],
  },
];

/** Charts without a single value are not shown, but for those every run has. */
export const ALWAYS = new Set(["loss", "gradient", "lr", "throughput"]);
