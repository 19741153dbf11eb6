// The weights of whole studies: every trial at one epoch at the left, one trial at every epoch at
// the right; one slider moves both.
const root = document.currentScript.closest(".rg");
const find = css => root.querySelector(css);
const box = name => find(`select[name=${name}]`);
const [many, one] = root.querySelectorAll("canvas");
const now = {study: null, layer: 0, trials: [], trial: null, steps: []};
let player = null, area = null;

const scale = () => now.study.layers[now.layer];
const series = trial => trial.series[now.layer];
const step = () => player ? now.steps[player.at()] : now.steps.at(-1);

function options(name, texts, chosen) {
  box(name).replaceChildren(...texts.map((text, k) => new Option(text, k, false, k === chosen)));
  if (name !== "trial") box(name).closest("label").hidden = texts.length < 2;
}

// All trials at the slider's epoch; those that ended before it are paler.
const lanes = () => now.trials.map(trial => {
  const own = series(trial), at = Math.max(0, ridges.upTo(own, step()));
  const ended = own.steps.at(-1) < step();
  return {
    trial, ended, color: trial.color, label: trial.label, selected: trial === now.trial,
    row: ridges.rows(own, scale().bins)[at] || new Float32Array(scale().bins),
    zeros: own.zeros[at] || 0, fill: ended ? 0.22 : 0.62,
  };
});

const drawMany = stage.paints(many, (pen, width, height) => {
  const colors = stage.theme(many), floor = height - ridges.AXIS;
  if (!scale().limit) return ridges.empty(pen, width, height, colors);
  const left = Math.min(86, 0.24 * width), strip = width > 480 ? 56 : 30;
  area = {
    x: left, y: 0, width: width - left - strip - 58, height: floor - 6, floor, strip,
    rise: Math.min(110, 0.34 * floor), limit: scale().limit,
  };
  ridges.stack(pen, lanes(), area, colors);
});

const drawOne = epochs(
  one,
  () => {
    const own = series(now.trial);
    return {scale: scale(), series: own, color: now.trial.color, at: ridges.upTo(own, step())};
  },
  k => player.go(now.steps.indexOf(series(now.trial).steps[k])),
);

function show() {
  if (!player) return;
  const own = series(now.trial), at = ridges.upTo(own, step()), {name, note} = scale();
  const zeros = at < 0 ? "\u2013" : ridges.percent(own.zeros[at]);
  find(".rg-zero b").textContent = zeros;
  find("figcaption small").textContent = `at validation epoch ${step()}, one ridge a trial`;
  find(".rg-note").textContent = `${now.study.note} ${note}`.trim();
  many.setAttribute("aria-label",
    `Histograms of ${name} in ${now.trials.length} trials, ordered by \u03bb, at validation epoch ${step()}; ` +
    "the arrow keys up and down choose a trial");
  one.setAttribute("aria-label",
    `Histograms of ${name} over the validation epochs of trial ${now.trial.text}; ${zeros} exact zeros`);
  drawMany();
  drawOne();
}

function choose(trial) {
  now.trial = trial;
  box("trial").value = now.trials.indexOf(trial);
  root.style.setProperty("--rg-accent", trial.color);
  show();
}

// Shows the trials of one kind of penalty, of all kinds for "".
function narrow(kind) {
  now.trials = now.study.trials.filter(trial => !kind || trial.kind === kind);
  const steps = now.trials.flatMap(trial => trial.series.flatMap(own => own.steps));
  now.steps = [...new Set(steps)].sort((a, b) => a - b);
  if (!now.trials.includes(now.trial)) {
    now.trial = now.trials.find(trial => trial.best) || now.trials[0];
  }
  options("trial", now.trials.map(trial => trial.text), now.trials.indexOf(now.trial));
  many.style.height = `${Math.max(360, Math.min(900, 140 + 19 * now.trials.length))}px`;
  if (player) player.over(now.steps, now.steps.length - 1);
  choose(now.trial);
}

function legend(kinds) {
  find(".rg-legend").replaceChildren();
  for (const kind of kinds) {
    const color = ridges.shade(now.study.trials.find(trial => trial.kind === kind).color);
    stage.make("span", find(".rg-legend"), {style: `--rg-kind: ${color}`}, kind || "unknown");
  }
}

function open(study) {
  now.study = study;
  now.layer = Math.min(now.layer, study.layers.length - 1);
  options("layer", study.layers.map(layer => layer.name), now.layer);
  const kinds = [...new Set(study.trials.map(trial => trial.kind))].sort();
  options("kind", kinds.length > 1 ? ["all", ...kinds] : kinds, 0);
  box("kind").onchange = () => narrow(kinds[box("kind").value - 1] || "");
  legend(kinds);
  narrow("");
}

const told = (x, y) => {
  if (!area) return null;
  const lane = lanes()[ridges.nearest(area, now.trials.length, y)];
  const ended = lane.ended ? `, ended at validation epoch ${series(lane.trial).steps.at(-1)}` : "";
  const lines = [
    lane.trial.text + ended, `${ridges.percent(lane.zeros)} exact zeros`,
    ridges.below(lane.row, scale(), area, x),
  ];
  return {trial: lane.trial, text: lines.join("\n")};
};

stage.pointer(many, told, found => choose(found.trial));
many.addEventListener("keydown", event => {
  const by = {ArrowUp: -1, ArrowDown: 1}[event.key];
  if (!by) return;
  const to = now.trials.indexOf(now.trial) + by;
  choose(now.trials[Math.max(0, Math.min(now.trials.length - 1, to))]);
  event.preventDefault();
});
box("study").onchange = () => open(data.studies[box("study").value]);
box("layer").onchange = () => { now.layer = +box("layer").value; show(); };
box("trial").onchange = () => choose(now.trials[box("trial").value]);
options("study", data.studies.map(study => study.name), 0);
open(data.studies[0]);
player = stage.player(root, now.steps, show);
show();
