// A trial's ridges of one parameter over its reports, the chosen one by itself below them.
// current() gives {scale, series, color, at}; choose(k) is called for the report that is clicked.
function epochs(canvas, current, choose) {
  let box = null;

  const lanes = (all, {series, color, at}) => {
    const first = all.length > 1 ? 0.18 : 0.5, step = 0.42 / Math.max(all.length - 1, 1);
    return all.map((row, k) => ({
      row, color, zeros: series.zeros[k], selected: k === at, fill: first + k * step,
    }));
  };

  const draw = stage.paints(canvas, (pen, width, height) => {
    const now = current(), {scale, series, color, at} = now;
    const all = ridges.rows(series, scale.bins), colors = stage.theme(canvas);
    if (!all.length || !scale.limit) return ridges.empty(pen, width, height, colors);
    const floor = height - ridges.AXIS, split = 0.68 * floor, strip = Math.min(64, width * 0.15);
    const top = Math.max(...all.map(row => Math.max(...row))) || 1, rise = 0.44 * split;
    box = {
      x: 4, y: 0, width: width - strip - 18, height: split - 4, floor, split, strip, rise,
      lift: rise / top, limit: scale.limit,
    };
    ridges.stack(pen, lanes(all, now), box, colors);
    ridges.bars(pen, all[Math.max(at, 0)], box, (floor - split - 6) / top, color, colors);
  });

  const find = (x, y) => {
    const {scale, series, at} = current(), n = series.steps.length;
    if (!box || !n || !scale.limit) return null;
    const k = y > box.split ? Math.max(at, 0) : ridges.nearest(box, n, y);
    const head = `validation epoch ${series.steps[k]}: ${ridges.percent(series.zeros[k])} exact zeros`;
    return {k, text: `${head}\n${ridges.below(series.rows[k], scale, box, x)}`};
  };

  stage.pointer(canvas, find, found => choose(found.k));
  return draw;
}
