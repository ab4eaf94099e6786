// Sorts a table by the column whose head is chosen, and shows only the rows that hold a text. The page reads well without.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, at) => {
    const cell = row.cells[at];
    return cell.dataset.sort === undefined ? cell.textContent.trim().toLowerCase() : Number(cell.dataset.sort);
  };
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "ascending" || (head.dataset.first === "down" && !head.hasAttribute("aria-sort"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "descending" : "ascending");
      const rows = [...body.rows].sort((one, two) => {
        const [a, b] = [key(one, at), key(two, at)];
        return (a > b ? 1 : a < b ? -1 : 0) * (up ? -1 : 1);
      });
      body.append(...rows);
    });
  });
  const search = document.createElement("input");
  search.type = "search";
  search.className = "search";
  search.placeholder = "Show rows with …";
  search.setAttribute("aria-label", "Show only rows that hold this text");
  search.addEventListener("input", () => {
    const text = search.value.trim().toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(text);
  });
  table.parentElement.before(search);
}
