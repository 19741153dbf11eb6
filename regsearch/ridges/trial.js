// The page of one trial: a card a layer, all at the epoch of one slider.
document.body.style.setProperty("--rg-accent", data.color);
const main = document.querySelector("main");
const steps = [...new Set(data.layers.flatMap(layer => layer.steps))].sort((a, b) => a - b);
const cards = data.layers.map(layer => {
  const card = stage.make("article", main), head = stage.make("div", card, {"class": "rg-head"});
  stage.make("h3", head, {title: layer.name}, layer.name);
  stage.make("small", head, {}, layer.size.toLocaleString("en") + " weights");
  const zero = stage.make("span", head, {"class": "rg-zero"}), share = stage.make("b", zero);
  stage.make("small", zero, {}, " exact zeros");
  const canvas = stage.make("canvas", card, {role: "img"});
  const at = () => ridges.upTo(layer, steps[player.at()]);
  const draw = epochs(canvas, () => ({scale: layer, series: layer, color: data.color, at: at()}),
    k => player.go(steps.indexOf(layer.steps[k])));
  return () => {
    share.textContent = at() < 0 ? "\u2013" : ridges.percent(layer.zeros[at()]);
    canvas.setAttribute("aria-label", `${layer.name}: histogram of the weights that are not zero, between ` +
      `${ridges.number(-layer.limit)} and ${ridges.number(layer.limit)}; ${share.textContent} are exactly zero`);
    draw();
  };
});
let player = {at: () => steps.length - 1};
player = stage.player(document.body, steps, () => cards.forEach(card => card()));
