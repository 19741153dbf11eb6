// Draws histograms over each other, back to front; the pages' own scripts say which.
const ridges = (() => {
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const VALUE = Object.fromEntries([...DIGITS].map((digit, value) => [digit, value]));
  const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const AXIS = 22;

  // A series' ridges, unpacked once: the square roots of the counts, the highest of all being 1.
  function rows(series, bins) {
    if (!series.rows) {
      const text = series.heights;
      series.rows = series.steps.map((_, k) => Float32Array.from({length: bins}, (_, b) => {
        const at = 2 * (k * bins + b);
        return (64 * VALUE[text[at]] + VALUE[text[at + 1]]) / 4095;
      }));
    }
    return series.rows;
  }

  // The last report of a series that is not after a step; -1 if there is none.
  const upTo = (series, step) => series.steps.findLastIndex(own => own <= step);

  const percent = share => {
    const digits = share > 0 && share < 1 ? 1 : 0;
    const shown = (100 * share).toFixed(digits);
    return (shown === "0.0" ? "<0.1" : shown === "100.0" ? ">99.9" : shown) + "\u2009%";
  };

  const number = value => {
    const size = Math.abs(value);
    const text = size && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(+value.toPrecision(3));
    return text.replace(".0e", "e").replaceAll("-", "\u2212");
  };

  const count = (height, peak) => Math.max(height ? 1 : 0, Math.round(height * height * peak)).toLocaleString("en");

  // A round spacing of marks that leaves at most so many, and at least one, on each side of zero.
  function spacing(limit, most) {
    const raw = limit / most, power = 10 ** Math.floor(Math.log10(raw));
    return power * [1, 2, 2.5, 5, 10].find(step => step * power >= raw * (1 - 1e-9));
  }

  // A colour as it stands on the page: a dark one is brighter where the page is dark.
  function shade(color) {
    const parts = [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16));
    const light = 0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2];
    if (light > 95 || !matchMedia("(prefers-color-scheme: dark)").matches) return color;
    return `rgb(${parts.map(part => Math.round(part + 0.25 * (255 - part)))})`;
  }

  // The line over a histogram, from its first weight to its last, with gaps where there are none.
  function outline(row, box, base, rise) {
    const step = box.width / row.length, line = new Path2D();
    let before = 0;
    row.forEach((height, b) => {
      if (height && !before) line.moveTo(box.x + (b ? b - 0.5 : 0) * step, base);
      if (height || before) line.lineTo(box.x + (b + 0.5) * step, base - height * rise);
      before = height;
    });
    if (before) line.lineTo(box.x + box.width, base);
    return line;
  }

  function ridge(pen, lane, box, base, rise, colors) {
    const line = outline(lane.row, box, base, rise);
    pen.fillStyle = colors.card;
    pen.fill(line);
    pen.globalAlpha = lane.fill;
    pen.fillStyle = shade(lane.color);
    pen.fill(line);
    pen.globalAlpha = lane.selected ? 1 : Math.min(1, lane.fill + 0.25);
    pen.strokeStyle = lane.selected ? colors.ink : shade(lane.color);
    pen.lineWidth = lane.selected ? 1.6 : 0.8;
    pen.stroke(line);
    pen.globalAlpha = 1;
  }

  // Where lane k of n stands: the first at the back, the last at the bottom.
  const base = (box, k, n) => box.y + box.height - (n - 1 - k) * (box.height - box.rise) / Math.max(n - 1, 1);

  // Lanes of {row, color, fill, selected, zeros, label}; zeros as bars in a strip at the right.
  function stack(pen, lanes, box, colors) {
    const n = lanes.length;
    grid(pen, box, colors);
    lanes.forEach((lane, k) => ridge(pen, lane, box, base(box, k, n), box.lift || box.rise, colors));
    const top = lanes.findIndex(lane => lane.selected);
    if (top >= 0) ridge(pen, {...lanes[top], fill: 0.85}, box, base(box, top, n), box.lift || box.rise, colors);
    shares(pen, lanes, box, colors);
  }

  // The share of exact zeros beside each lane: as a bar, and in words where lanes have labels.
  function shares(pen, lanes, box, colors) {
    const n = lanes.length, gap = (box.height - box.rise) / Math.max(n - 1, 1);
    const thick = Math.max(1, Math.min(gap - 1, 9)), x = box.x + box.width + 10;
    const every = Math.ceil(12 / Math.max(gap, 0.1));
    lanes.forEach((lane, k) => {
      const y = base(box, k, n), written = lane.selected || (n - 1 - k) % every === 0;
      pen.fillStyle = colors.line;
      pen.fillRect(x, y - thick, box.strip, thick);
      pen.globalAlpha = lane.selected ? 1 : 0.65;
      pen.fillStyle = lane.selected ? colors.ink : shade(lane.color);
      pen.fillRect(x, y - thick, box.strip * lane.zeros, thick);
      pen.globalAlpha = 1;
      if (lane.label && written) words(pen, lane, box.x - 8, x + box.strip + 6, y, colors);
    });
    pen.font = FONT;
    pen.fillStyle = colors.soft;
    pen.textAlign = "left";
    pen.fillText("zeros", x, base(box, 0, n) - thick - 8);
  }

  function words(pen, lane, left, right, y, colors) {
    pen.fillStyle = lane.selected ? colors.ink : colors.soft;
    pen.font = (lane.selected ? "600 " : "") + FONT;
    pen.textAlign = "right";
    pen.fillText(lane.label, left, y);
    pen.textAlign = "left";
    pen.fillText(percent(lane.zeros), right, y);
  }

  function grid(pen, box, colors) {
    const step = spacing(box.limit, box.width > 420 ? 4 : 2), middle = box.x + box.width / 2;
    for (let k = -Math.floor(box.limit / step + 1e-9); k * step <= box.limit * (1 + 1e-9); k++) {
      const x = Math.round(middle + k * step / box.limit * box.width / 2) + 0.5;
      pen.strokeStyle = colors.line;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, box.y);
      pen.lineTo(x, box.floor);
      pen.stroke();
      pen.fillStyle = colors.soft;
      pen.textAlign = "center";
      pen.fillText(number(k * step), x, box.floor + 15);
    }
  }

  // One histogram by itself, as bars.
  function bars(pen, row, box, rise, color, colors) {
    const step = box.width / row.length;
    pen.fillStyle = shade(color);
    row.forEach((height, b) => {
      const tall = Math.max(1, height * rise), x = box.x + b * step + 0.5;
      if (height) pen.fillRect(x, box.floor - tall, Math.max(0.5, step - 1), tall);
    });
    pen.strokeStyle = colors.soft;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(box.x, box.floor + 0.5);
    pen.lineTo(box.x + box.width, box.floor + 0.5);
    pen.stroke();
  }

  const nearest = (box, n, y) => {
    const gap = (box.height - box.rise) / Math.max(n - 1, 1);
    return Math.max(0, Math.min(n - 1, Math.round((y - box.y - box.rise) / gap + 0.3)));
  };

  // What a bin under the pointer holds.
  function below(row, scale, box, x) {
    const b = Math.floor((x - box.x) / box.width * scale.bins), width = 2 * scale.limit / scale.bins;
    if (b < 0 || b >= scale.bins) return "";
    const from = b * width - scale.limit;
    return `${count(row[b], scale.peak)} weights from ${number(from)} to ${number(from + width)}`;
  }

  function empty(pen, width, height, colors) {
    pen.fillStyle = colors.soft;
    pen.textAlign = "center";
    pen.fillText("no weights other than zero", width / 2, height / 2);
  }

  return {AXIS, FONT, bars, base, below, empty, nearest, number, percent, rows, shade, stack, upTo};
})();
