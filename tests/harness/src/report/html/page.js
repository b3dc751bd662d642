"use strict";
{
  const form = document.getElementById("filter");
  const { group, outcome, shown } = form.elements;
  const parts = document.querySelectorAll("[data-group]");
  const blocks = document.querySelectorAll("[data-block]");
  const rows = document.querySelectorAll("#matrix tr[data-group]");

  const apply = () => {
    for (const part of parts) {
      const inGroup = group.value === "" || part.dataset.group === group.value;
      const came = outcome.value === "" || part.dataset.outcomes.split(" ").includes(outcome.value);
      part.hidden = !(inGroup && came);
    }
    for (const block of blocks) {
      // A block that has no parts has something to say all the same.
      const own = Array.from(block.querySelectorAll("[data-group]"));
      block.hidden = own.length > 0 && own.every((part) => part.hidden);
    }
    const left = Array.from(rows).filter((row) => !row.hidden).length;
    shown.value = `${left} of ${rows.length} cases`;
  };

  // A link to a case opens it.
  const open = () => {
    const part = document.getElementById(location.hash.slice(1));
    if (part instanceof HTMLDetailsElement) {
      part.open = true;
      part.scrollIntoView();
    }
  };

  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", open);
  // Browsers keep what was chosen when a page is loaded again.
  apply();
  open();
  form.hidden = false;
}
