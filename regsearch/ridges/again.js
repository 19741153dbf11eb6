// A page that reads itself again, as that of a running study does, shows what it showed before; who
// looked at the best trial or the last epoch goes on to the newest of them.
const before = history.state && history.state.ridges;
const same = before && data.studies.find(study => study.name === before.study);
if (same) {
  box("study").value = data.studies.indexOf(same);
  open(same);
  now.layer = Math.max(0, same.layers.findIndex(layer => layer.name === before.layer));
  box("layer").value = now.layer;
  if (before.epoch !== null) player.go(now.steps.indexOf(before.epoch));
  choose(same.trials.find(trial => trial.number === before.trial) || now.trial);
}
addEventListener("beforeunload", () => {
  const shown = {
    study: now.study.name, layer: scale().name, trial: now.trial.best ? null : now.trial.number,
    epoch: step() === now.steps.at(-1) ? null : step(),
  };
  history.replaceState({...history.state, ridges: shown}, "");
});
