"use strict";
(() => {
  const outcome = document.getElementById("outcome");
  const find = document.getElementById("find");
  const count = document.getElementById("count");
  const cases = [...document.querySelectorAll("#cases details")];
  const words = cases.map((c) => c.textContent.toLowerCase());
  const show = () => {
    const wanted = find.value.trim().toLowerCase();
    let shown = 0;
    cases.forEach((c, at) => {
      const fits = (!outcome.value || c.dataset.outcome === outcome.value) && words[at].includes(wanted);
      c.hidden = !fits;
      shown += fits ? 1 : 0;
    });
    count.textContent = `${shown} / ${cases.length}`;
  };
  outcome.addEventListener("change", show);
  find.addEventListener("input", show);
  const bare = location.hash.slice(1);
  if (bare) document.getElementById(bare)?.scrollIntoView();
  show();
})();
