/*
 * What the console does beyond links and forms. Every page works without this file.
 */
"use strict";

document.documentElement.classList.add("js");

const TOAST_MILLISECONDS = 7000;
const dialog = document.getElementById("dialog");
const toasts = document.getElementById("toasts");

/* Toasts: successes leave by themselves, errors stay until they are closed. */

function watchToasts() {
  for (const toast of toasts?.querySelectorAll(".toast--success:not([data-timed])") ?? []) {
    toast.dataset.timed = "";
    setTimeout(() => toast.matches(":hover, :focus-within") || toast.remove(), TOAST_MILLISECONDS);
  }
}

function showError(text) {
  const toast = document.createElement("div");
  const words = document.createElement("p");
  const close = document.createElement("button");
  toast.className = "toast toast--error";
  words.textContent = text;
  close.type = "button";
  close.className = "toast__close";
  close.dataset.dismiss = "";
  close.textContent = "×";
  close.setAttribute("aria-label", toasts.dataset.close);
  toast.append(words, close);
  toasts.append(toast);
}

/* Clicks. */

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.dataset.copied = button.dataset.done;
  setTimeout(() => delete button.dataset.copied, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-dismiss], [data-opens], [data-closes]");
  if (!button) return;
  if ("copy" in button.dataset) copy(button);
  if ("dismiss" in button.dataset) button.closest(".toast").remove();
  if ("opens" in button.dataset) document.getElementById(button.dataset.opens).showModal();
  if ("closes" in button.dataset && dialog?.open) {
    event.preventDefault();
    dialog.close();
  }
});

/* The name that confirms a deletion. */

function checkName(input) {
  const submit = input.form.querySelector("[data-needs-name]");
  if (submit) submit.disabled = input.value !== input.dataset.expected;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-expected]")) checkName(event.target);
});

/* Selectors that need no button. */

document.addEventListener("change", (event) => {
  event.target.closest("form[data-autosubmit]")?.requestSubmit();
});

/* Cross-tenant synchronization changes the fields of the target. */

for (const form of document.querySelectorAll("form[data-cross-tenant]")) {
  const control = form.elements.namedItem("is_cross_tenant");
  const show = () => {
    for (const group of form.querySelectorAll("[data-when]")) {
      group.hidden = (group.dataset.when === "cross-tenant") !== control.checked;
    }
  };
  control.addEventListener("change", show);
  show();
}

/* A choice shows the fields that belong to it: data-choice names the input, data-when its value. */

for (const form of document.querySelectorAll("form[data-choice]")) {
  const controls = form.elements.namedItem(form.dataset.choice);
  const show = () => {
    for (const group of form.querySelectorAll("[data-when]")) {
      group.hidden = group.dataset.when !== controls.value;
    }
  };
  form.addEventListener("change", show);
  show();
}

/* One checkbox chooses all rows of its table: data-chooses is the name of theirs. It follows them. */

document.addEventListener("change", (event) => {
  const table = event.target.closest("table");
  const all = table?.querySelector("[data-chooses]");
  if (!all) return;
  const boxes = [...table.querySelectorAll(`input[name="${all.dataset.chooses}"]`)];
  if (event.target === all) for (const box of boxes) box.checked = all.checked;
  const count = boxes.filter((box) => box.checked).length;
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
});

/* Keys. */

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) event.preventDefault();
    search?.focus();
  }
  if (event.key === "?") document.getElementById("help")?.showModal();
});

/* Live parts: they rest while nobody looks, or while somebody selects text or chooses rows in them. */

function isAtRest(part) {
  const selection = window.getSelection();
  const isSelecting = !selection.isCollapsed && part.contains(selection.anchorNode);
  const isChoosing = part.querySelector("[data-chooses]") && part.querySelector("td input:checked");
  return document.hidden || isSelecting || isChoosing || dialog?.open;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  if ("poll" in part.dataset && isAtRest(part)) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const part of document.querySelectorAll("[data-poll]")) htmx.trigger(part, "poll");
});

/* A part that is replaced keeps the focus on the same link or button. */

const FOCUSABLE = "a, button, input:not([type=hidden]), select";
let focused = -1;

document.addEventListener("htmx:beforeSwap", (event) => {
  focused = [...event.detail.target.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
});

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.detail.target;
  if (target === dialog) {
    for (const input of dialog.querySelectorAll("[data-expected]")) checkName(input);
    dialog.showModal();
  }
  const replaced = document.getElementById(target.id);
  if (focused >= 0) replaced?.querySelectorAll(FOCUSABLE)[focused]?.focus({ preventScroll: true });
  focused = -1;
});

document.addEventListener("htmx:afterSettle", watchToasts);

/* What a live part has become is said once, when it changes; the figures in between are not. */

const announcements = document.getElementById("announcements");
const announced = () => document.querySelector("[data-announce]")?.dataset.announce ?? "";
let lastAnnounced = announced();

document.addEventListener("htmx:afterSettle", () => {
  const text = announced();
  if (text !== lastAnnounced && announcements) announcements.textContent = text;
  lastAnnounced = text;
});

/* An action that fails says so; a live part that fails shows the whole page anew, with its error if there is one. */

document.addEventListener("htmx:responseError", (event) => {
  if ("poll" in event.detail.elt.dataset) return location.reload();
  showError(`${toasts.dataset.failed} ${event.detail.xhr.getResponseHeader("X-Request-ID")}`);
});

document.addEventListener("htmx:sendError", (event) => {
  if (!("poll" in event.detail.elt.dataset)) showError(toasts.dataset.unreachable);
});

watchToasts();
document.getElementById("error-summary")?.focus();
