// A page that no longer refreshes must say so: an old "no hit" on a wall is a false one.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const stale = document.getElementById("stale");
  if (!stale) return;
  let last = Date.now();
  const told = (time) => new Date(time).toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const check = () => {
    stale.hidden = Date.now() - last < 15000;
    if (!stale.hidden) stale.textContent = "Not refreshed since " + told(last) + ". The numbers are old.";
  };
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) last = Date.now();
    check();
  });
  setInterval(check, 5000);
});
