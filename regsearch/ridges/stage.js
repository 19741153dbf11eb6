// Where ridges are shown: canvases that keep themselves up to date, the slider, the pointer.
const stage = (() => {
  function make(tag, parent, attributes = {}, text = "") {
    const element = parent.appendChild(document.createElement(tag));
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  function theme(element) {
    const style = getComputedStyle(element), read = name => style.getPropertyValue("--rg-" + name).trim();
    return {ink: read("ink"), soft: read("soft"), line: read("line"), card: read("card")};
  }

  // Calls paint(pen, width, height) whenever the canvas is seen anew, resized, or asked to.
  function paints(canvas, paint) {
    let seen = false;
    const now = () => {
      const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width || !height) return;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      const pen = canvas.getContext("2d");
      pen.scale(ratio, ratio);
      pen.font = ridges.FONT;
      pen.lineJoin = "round";
      paint(pen, width, height);
    };
    const ask = () => seen && now();
    const look = found => {
      seen = found.at(-1).isIntersecting;
      if (seen) now(); else canvas.width = canvas.height = 0;
    };
    new IntersectionObserver(look, {rootMargin: "200px"}).observe(canvas);
    new ResizeObserver(ask).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
    addEventListener("beforeprint", now);
    return ask;
  }

  let tip = null;
  function pointer(canvas, find, choose) {
    const at = event => find(event.offsetX, event.offsetY);
    const hide = () => tip && tip.remove();
    canvas.addEventListener("pointermove", event => {
      const found = at(event);
      hide();
      if (!found) return;
      tip = make("div", canvas.closest(".rg"), {"class": "rg-tip", "aria-hidden": "true"}, found.text.trim());
      tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 4)) + "px";
      tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 12) + "px";
    });
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("click", event => { const found = at(event); if (found) choose(found); });
  }

  // A slider over steps with a button that plays it; calls show(position).
  function player(root, steps, show) {
    const [slider, shown, button] = ["input", "output", "button"].map(tag => root.querySelector(tag));
    let timer = 0, own = steps;
    const go = position => {
      slider.value = Math.max(0, Math.min(own.length - 1, position));
      const step = own[slider.value];
      shown.textContent = step === undefined ? "\u2013" : `${step} of ${own.at(-1)}`;
      slider.setAttribute("aria-valuetext", step === undefined ? "none" : `validation epoch ${step}`);
      show(+slider.value);
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      button.textContent = "\u25b6\ufe0e Play";
    };
    const play = () => {
      if (timer || own.length < 2) return stop();
      if (+slider.value === own.length - 1) go(0);
      button.textContent = "\u275a\u275a Pause";
      timer = setInterval(() => {
        go(+slider.value + 1);
        if (+slider.value === own.length - 1) stop();
      }, Math.max(60, Math.min(400, 4000 / own.length)));
    };
    const over = (steps, position) => {
      own = steps;
      slider.max = Math.max(0, own.length - 1);
      slider.disabled = button.disabled = own.length < 2;
      go(position);
    };
    slider.addEventListener("input", () => { stop(); go(+slider.value); });
    button.addEventListener("click", play);
    root.addEventListener("keydown", event => {
      const name = event.target.tagName, move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey || name === "SELECT") return;
      if (event.key === " " && name !== "BUTTON") play();
      else if (move && name !== "INPUT") go(+slider.value + move);
      else return;
      event.preventDefault();
    });
    stop();
    over(steps, steps.length - 1);
    return {go, over, at: () => +slider.value};
  }

  return {make, paints, player, pointer, theme};
})();
