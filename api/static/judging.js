// Keys for judges: 0 to 3 give the grade, c goes to the comment, b back, o opens. Everything works without them.
"use strict";

(() => {
  const off = () => { try { return localStorage.getItem("mneme.keys") === "off"; } catch { return false; } };

  document.addEventListener("keydown", (event) => {
    if (off() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    const at = event.target instanceof Element ? event.target : document.body;
    const comment = document.querySelector("#comment");
    if (at === comment) {
      if (event.key === "Escape") { comment.blur(); event.preventDefault(); }
      return;
    }
    if (at.matches("input:not([type=checkbox]), textarea, select")) return;
    const wanted = /^[0-3]$/.test(event.key) ? `#judgement [name=grade][value="${event.key}"]`
      : event.key === "b" ? "#previous" : event.key === "o" ? "#open" : "";
    const target = wanted ? document.querySelector(wanted) : event.key === "c" ? comment : null;
    if (!target) return;
    event.preventDefault();
    if (target === comment) comment.focus();
    else target.click();
  });
})();
