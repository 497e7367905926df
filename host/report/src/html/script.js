"use strict";
(() => {
  const bar = document.getElementById("filters");
  if (!bar) return;
  const findings = [...document.querySelectorAll(".finding")];
  const groups = [...document.querySelectorAll("details.group")];
  const rule = bar.querySelector("select");
  const file = bar.querySelector("input[type=search]");
  const shown = bar.querySelector("output");
  const apply = () => {
    const severities = new Set([...bar.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    const text = file.value.trim().toLowerCase();
    let count = 0;
    for (const finding of findings) {
      const { severity, rule: id, file: path } = finding.dataset;
      const fits = severities.has(severity) && (!rule.value || rule.value === id) && (!text || path.toLowerCase().includes(text));
      finding.hidden = !fits;
      count += fits ? 1 : 0;
    }
    if (rule.value || text) for (const group of groups) group.open = true;
    shown.textContent = count + " of " + findings.length + " shown";
  };
  bar.addEventListener("input", apply);
  bar.hidden = false;
  apply();
})();
