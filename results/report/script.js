
(function () {
  "use strict";
  var tables = Array.from(document.querySelectorAll("table.rows"));
  if (!tables.length) { return; }

  function key(cell) {
    var text = cell.dataset.v || cell.textContent;
    var number = Number(text);
    return text !== "" && !Number.isNaN(number) ? number : text;
  }
  function compare(a, b) {
    if (a === "" || b === "") { return a === b ? 0 : a === "" ? 1 : -1; }
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }
  function sort(table, column, head) {
    var down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach(function (th) { th.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    var body = table.tBodies[0];
    var rows = Array.from(body.rows).map(function (row) { return { row: row, key: key(row.cells[column]) }; });
    rows.sort(function (a, b) {
      var order = compare(a.key, b.key);
      var blank = a.key === "" || b.key === "";
      return down && !blank ? -order : order;
    });
    rows.forEach(function (r) { body.appendChild(r.row); });
  }
  tables.forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      button.addEventListener("click", function () { sort(table, column, head); });
      head.replaceChildren(button);
    });
  });

  var bar = document.createElement("div");
  bar.className = "filter";
  var label = document.createElement("label");
  var search = document.createElement("input");
  search.type = "search";
  search.placeholder = "m64n256 f16";
  label.append("Show only rows with all of these words: ", search);
  var only = document.createElement("label");
  var box = document.createElement("input");
  box.type = "checkbox";
  only.append(box, " that are not ok");
  var shown = document.createElement("span");
  bar.append(label, only, shown);
  document.querySelector("nav").after(bar);

  function filter() {
    var words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    var n = 0, all = 0;
    tables.forEach(function (table) {
      var name = table.caption.textContent.toLowerCase();
      Array.from(table.tBodies[0].rows).forEach(function (row) {
        var text = name + " " + row.textContent.toLowerCase();
        var show = words.every(function (w) { return text.includes(w); }) && !(box.checked && row.classList.contains("s-ok"));
        row.hidden = !show;
        all += 1;
        n += show ? 1 : 0;
      });
    });
    shown.textContent = n === all ? "" : n + " of " + all + " rows";
  }
  search.addEventListener("input", filter);
  box.addEventListener("change", filter);
})();
