"use strict";
// A heading becomes a button; a click sorts by its column, a second one the other way round. Rows without a value stay last.
const body = document.querySelector("#regions tbody");
const heads = [...document.querySelectorAll("#regions thead th")];

function sort(head, column) {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const numeric = head.classList.contains("number");
  const value = row => row.cells[column]?.dataset.value || "";
  const compare = (a, b) => numeric ? Number(a) - Number(b) : a.localeCompare(b, undefined, { numeric: true });
  const rows = [...body.rows].sort((first, second) => {
    const [a, b] = [value(first), value(second)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * compare(a, b);
  });
  body.append(...rows);
  heads.forEach(each => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
}

heads.forEach((head, column) => {
  if (!head.textContent.trim() || column === 0) return;
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sort(head, column));
  head.append(button);
});
