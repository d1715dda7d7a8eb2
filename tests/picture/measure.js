// Measures what a browser made of a picture: text over text, text outside its box or the page, boxes over boxes.
addEventListener("load", () => {
  const words = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style, title") || !parent.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      if (rect.width > 0) words.push({ rect, text: node.data.trim().slice(0, 60), parent });
    }
  }
  const boxes = [...document.querySelectorAll(".qs-card, .qs-run, rect.card, rect.empty, rect[class^='r-']")]
    .filter((one) => one.checkVisibility())
    .map((one) => ({ rect: one.getBoundingClientRect(), element: one }));
  const over = (a, b, by) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > by && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by;
  const pairs = (all, by, say) => {
    const found = [], sorted = [...all].sort((a, b) => a.rect.top - b.rect.top);
    sorted.forEach((one, index) => {
      for (let next = index + 1; next < sorted.length && sorted[next].rect.top < one.rect.bottom; next++) {
        if (over(one.rect, sorted[next].rect, by)) found.push(`${say(one)} / ${say(sorted[next])}`);
      }
    });
    return found;
  };
  const picture = document.querySelector("body > svg");
  const page = picture ? picture.getBoundingClientRect() : document.documentElement.getBoundingClientRect();
  const inside = (rect, box) =>
    rect.left >= box.left - 0.5 && rect.right <= box.right + 0.5 && rect.top >= box.top - 0.5 && rect.bottom <= box.bottom + 0.5;
  const cut = [];
  for (const { rect, text } of words) {
    if (!inside(rect, page)) cut.push(`outside the page: ${text}`);
    for (const box of boxes) {
      const held = rect.left >= box.rect.left && rect.left < box.rect.right && rect.top + rect.height / 2 > box.rect.top &&
        rect.top + rect.height / 2 < box.rect.bottom;
      if (held && !inside(rect, { ...box.rect.toJSON(), top: -1e9, bottom: 1e9 })) cut.push(`outside its box: ${text}`);
    }
  }
  const seen = getComputedStyle(document.querySelector(picture ? "rect.page" : ".qs"));
  const report = document.createElement("pre");
  report.id = "measured";
  report.textContent = JSON.stringify({
    words: words.length,
    boxes: boxes.length,
    text_over_text: pairs(words, 1.5, (one) => one.text),
    box_over_box: pairs(boxes, 1, (one) => one.element.textContent.slice(0, 40) || one.element.className.baseVal),
    cut,
    wider: picture ? 0 : Math.max(0, document.documentElement.scrollWidth - innerWidth),
    unselectable: words.filter((one) => getComputedStyle(one.parent).userSelect === "none").length,
    colour: picture ? seen.fill : seen.backgroundColor,
  });
  document.body.append(report);
});
