(() => {
  "use strict";
  const source = document.getElementById("figures").textContent;
  const given = JSON.parse(source);
  const state = document.documentElement.dataset; // for whoever wants to know when all is drawn
  state.drawn = 0;
  state.failed = "";

  // Chromium fires no change that a reading of `matches` has shown before: so it is read once, here.
  function watched(query) {
    const list = matchMedia(query);
    const told = { holds: list.matches };
    list.addEventListener("change", (event) => {
      told.holds = event.matches;
      drawAll(drawn());
    });
    return told;
  }
  const dark = watched("(prefers-color-scheme: dark)");
  const narrow = watched("(max-width: 560px)");

  // A figure is drawn in the light page's colours; dark is the same with those exchanged.
  const exchanged = (value) =>
    JSON.parse(
      JSON.stringify(value).replace(/#[0-9a-f]{6}/gi, (color) => given.dark[color.toLowerCase()] ?? color),
    );
  const colored = (value) => (dark.holds ? exchanged(value) : JSON.parse(JSON.stringify(value)));

  const config = {
    displaylogo: false,
    responsive: true,
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  };

  function layoutOf(figure) {
    const layout = { ...colored(figure.layout), template: colored(given.template) };
    layout.dragmode = narrow.holds ? false : "zoom";
    if (narrow.holds) {
      layout.margin = { ...layout.margin, l: Math.max(44, layout.margin?.l ?? 0), r: 8 };
      layout.font = { size: 11.5 };
    }
    return layout;
  }

  async function draw(place) {
    const figure = given.figures[place.dataset.figure];
    const isFirst = !place.dataset.drawn;
    place.dataset.drawn = "yes"; // from now on it follows the window's changes
    try {
      await Plotly.react(place, colored(figure.data), layoutOf(figure), config);
      if (isFirst) state.drawn = Number(state.drawn) + 1;
    } catch (error) {
      delete place.dataset.drawn;
      state.failed += ` ${place.dataset.figure}`;
      place.className = "broken";
      place.textContent = `This figure could not be drawn: ${error.message}`;
    }
  }

  const breath = () => new Promise((go) => setTimeout(go, 0));
  const visible = (place) => !place.closest("details:not([open])");

  // One figure at a time, each once however often it is asked for meanwhile.
  const waiting = new Set();
  let drawing = null;
  async function drawWaiting() {
    for (const place of waiting) {
      waiting.delete(place);
      if (visible(place)) await draw(place);
      await breath();
    }
    drawing = null;
  }
  function drawAll(places) {
    for (const place of places) waiting.add(place);
    return (drawing ??= drawWaiting());
  }

  const all = () => [...document.querySelectorAll("[data-figure]")];
  const drawn = () => all().filter((place) => place.dataset.drawn);

  // What is unfolded stays so when the page reads itself again.
  const folds = [...document.querySelectorAll("details")];
  folds.forEach((fold, place) => (fold.open = history.state?.open?.includes(place) ?? false));
  for (const fold of folds) {
    fold.addEventListener("toggle", () => {
      const open = folds.flatMap((other, place) => (other.open ? [place] : []));
      history.replaceState({ ...history.state, open }, "");
      drawAll([...fold.querySelectorAll("[data-figure]:not([data-drawn])")]);
    });
  }
  drawAll(all()).then(() => {
    state.ready = "yes";
  });

  // A page of a running study reads itself again, but not under somebody's hands.
  const seconds = Number(document.body.dataset.refresh);
  let touched = 0;
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    addEventListener(kind, () => (touched = Date.now()), { passive: true });
  }
  if (seconds > 0) {
    setInterval(() => {
      const isIdle = Date.now() - touched > 4000;
      if (isIdle && !document.hidden) location.reload();
    }, seconds * 1000);
  }
})();
