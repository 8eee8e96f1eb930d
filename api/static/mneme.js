// Keys, and what a page that swaps its results in place must still do by hand. Everything works without it.
"use strict";

(() => {
  const find = (selector) => document.querySelector(selector);
  const results = () => [...document.querySelectorAll(".result .open")];
  const STORE = "mneme.keys";
  const stored = () => { try { return localStorage.getItem(STORE); } catch { return null; } };
  const store = (value) => { try { localStorage.setItem(STORE, value); } catch { /* private window */ } };
  let keys = stored() !== "off";

  function dress() {
    const shortcut = find("#shortcut"), help = find("#keys"), box = find("#keys-on");
    if (shortcut) shortcut.hidden = !keys;
    if (help) help.hidden = false;
    if (box) box.checked = keys;
    if (keys) find("#q")?.setAttribute("aria-keyshortcuts", "/");
    else find("#q")?.removeAttribute("aria-keyshortcuts");
    // Browsers without ::details-content cannot show a closed <details> on wide screens.
    if (!CSS.supports("selector(::details-content)") && matchMedia("(min-width: 60rem)").matches) {
      document.querySelectorAll("details.fold").forEach((each) => { each.open = true; });
    }
  }

  function step(by) {
    const all = results();
    if (!all.length) return false;
    const inside = document.activeElement?.closest?.(".result");
    const now = all.findIndex((each) => inside?.contains(each));
    const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by;
    if (next < 0) find("#q").focus();
    else if (next < all.length) {
      all[next].focus({ preventScroll: true });
      all[next].closest(".result").scrollIntoView({ block: "nearest" });
    }
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (!keys || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = find("#q");
    const at = event.target instanceof Element ? event.target : document.body;
    const typing = at.matches("input:not([type=checkbox]), textarea, select") || at.isContentEditable;
    let done = false;
    if (typing) {
      if (at === field && event.key === "ArrowDown") done = step(1);
      else if (at === field && event.key === "Escape" && !field.value) { field.blur(); done = true; }
    } else if (event.key === "/") { field?.focus(); field?.select(); done = Boolean(field); }
    else if (event.key === "?" && find("#help")) { find("#help").showModal(); done = true; }
    else if (find("#help")?.open) return;
    else if (event.key === "j" || (event.key === "ArrowDown" && at.closest(".result"))) done = step(1);
    else if (event.key === "k" || (event.key === "ArrowUp" && at.closest(".result"))) done = step(-1);
    else if (event.key === "Escape" && at.closest(".results")) { field?.focus(); done = true; }
    else if (event.key === "Escape" && find(".back a")) { find(".back a").click(); done = true; }
    if (done) event.preventDefault();
  });

  document.addEventListener("change", (event) => {
    if (event.target.id !== "keys-on") return;
    keys = event.target.checked;
    store(keys ? "on" : "off");
    dress();
  });

  let typed = false; // since the last question went out: what is being typed is never overwritten
  document.addEventListener("input", (event) => { typed ||= event.target.id === "q"; });
  document.addEventListener("htmx:before:request", () => { typed = false; });

  // After a swap: the box shows the query that was answered, later searches keep asking for the ranking or
  // not, and what was found is said aloud.
  document.addEventListener("htmx:after:swap", () => {
    const shown = find("#results > [data-query]"), field = find("#q");
    if (shown && field) {
      if (!typed) field.value = shown.dataset.query;
      const explain = new URLSearchParams(location.search).has("explain");
      let hidden = find("#search input[name=explain]");
      if (explain && !hidden) {
        hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "explain", value: "1" });
        field.after(hidden);
      } else if (!explain) hidden?.remove();
      find("#announce").textContent = shown.dataset.announce;
      document.querySelectorAll("[data-ui]").forEach((each) => { // the same search in another language
        const there = new URL(location.href);
        there.searchParams.set("ui", each.dataset.ui);
        each.href = there.pathname + there.search;
      });
    }
    dress();
  });

  // The service could not be asked in place: let the browser go there, it shows what is wrong.
  document.addEventListener("htmx:error", (event) => {
    const context = event.detail?.ctx;
    if (context?.target?.id === "results" && context.request?.action) location.assign(context.request.action);
  });

  dress();
})();
