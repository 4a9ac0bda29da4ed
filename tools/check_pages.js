// What check_pages.py asks inside of a page. Functions of plain DOM, without any library; each returns a list of complaints.
window.ariadneChecks = (() => {
'use strict';
const LEAST = 4.5; // WCAG 2, level AA
const dot = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const known = new Map();

// Any CSS color as [red, green, blue, alpha], 0 to 255 and 0 to 1.
function rgba(css) {
  if (!known.has(css)) {
    dot.canvas.width = dot.canvas.height = 1;
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = '#000';
    dot.fillStyle = css;
    dot.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = dot.getImageData(0, 0, 1, 1).data;
    known.set(css, [r, g, b, a / 255]);
  }
  return known.get(css);
}
const over = (top, alpha, below) => [0, 1, 2].map(i => top[i] * alpha + below[i] * (1 - alpha));
function luminance(c) {
  const [r, g, b] = c.map(v => { const x = v / 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a, b) {
  const x = luminance(a), y = luminance(b);
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}
const hue = ([r, g, b]) => {
  const most = Math.max(r, g, b), least = Math.min(r, g, b);
  if (most - least < 24) { return 'gray'; }
  return most === r ? 'warm' : most === g ? 'green' : 'cold';
};
const short = text => text.trim().replace(/\s+/g, ' ').slice(0, 40);
const hex = c => '#' + c.map(v => Math.round(v).toString(16).padStart(2, '0')).join('');

// An element's text color as it is seen, and what is behind it; opacity of each ancestor included.
function seen(element) {
  const chain = [];
  for (let e = element; e; e = e.parentElement) { chain.unshift(e); }
  let back = [255, 255, 255], alpha = 1;
  for (const e of chain) {
    const style = getComputedStyle(e), color = rgba(style.backgroundColor);
    alpha *= +style.opacity;
    back = over(color, color[3] * alpha, back);
  }
  const ink = rgba(getComputedStyle(element).color);
  return { back, ink: over(ink, ink[3] * alpha, back) };
}
function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), nodes = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && !/^(SCRIPT|STYLE|TITLE|OPTION)$/.test(parent.tagName) && parent.checkVisibility({ visibilityProperty: true })) {
      nodes.push(walker.currentNode);
    }
  }
  return nodes;
}
function rects(node) {
  const range = document.createRange();
  range.selectNodeContents(node);
  return [...range.getClientRects()].filter(r => r.width > 0 && r.height > 0);
}

function paleText(root) {
  const worst = new Map();
  for (const node of textNodes(root)) {
    const { back, ink } = seen(node.parentElement), ratio = contrast(ink, back);
    if (ratio < LEAST) {
      const key = hex(ink) + ' on ' + hex(back);
      if (!worst.has(key)) { worst.set(key, `contrast ${ratio.toFixed(2)}: ${key}, “${short(node.data)}”`); }
    }
  }
  return [...worst.values()];
}
// Text that an ancestor cuts off, where nothing can be scrolled and no title says it whole.
function clippedText(root) {
  const said = new Set();
  for (const node of textNodes(root)) {
    for (const r of rects(node)) {
      for (let e = node.parentElement; e && e !== root.parentElement; e = e.parentElement) {
        const style = getComputedStyle(e), box = e.getBoundingClientRect();
        const wide = /hidden|clip/.test(style.overflowX) && (r.right > box.right + 1 || r.left < box.left - 1);
        const high = /hidden|clip/.test(style.overflowY) && (r.bottom > box.bottom + 2 || r.top < box.top - 2);
        if ((wide || high) && box.width > 1 && !e.closest('[title]')) { said.add(`text cut off: “${short(node.data)}”`); }
        if (/auto|scroll/.test(style.overflowX) && /auto|scroll/.test(style.overflowY)) { break; }
      }
    }
  }
  return [...said];
}
function unnamed(root) {
  const said = [];
  for (const e of root.querySelectorAll('img')) { // JupyterLab calls what has none "Image"
    if (/^(Image)?$/.test((e.getAttribute('alt') || '').trim())) { said.push('an <img> without alt text'); }
  }
  for (const e of root.querySelectorAll('svg')) {
    const hidden = e.getAttribute('aria-hidden') === 'true', title = e.querySelector('title');
    if (!hidden && !e.getAttribute('aria-label') && !(title && title.textContent.trim())) { said.push('an <svg> without title or aria-label'); }
  }
  for (const e of root.querySelectorAll('canvas')) { if (!e.getAttribute('aria-label')) { said.push('a <canvas> without aria-label'); } }
  for (const e of root.querySelectorAll('iframe')) { if (!(e.title || '').trim()) { said.push('an <iframe> without title'); } }
  for (const e of root.querySelectorAll('button, input, select, textarea')) {
    if (e.type !== 'hidden' && !e.labels?.length && !e.textContent.trim() && !e.title && !e.getAttribute('aria-label') && !e.placeholder) {
      said.push(`a <${e.tagName.toLowerCase()}> without a name`);
    }
  }
  return [...new Set(said)];
}
// Where a background says a value, the same is said without it: a number in the row of a bar; a legend, and a mark of sign, at shaded tokens.
function colorAlone(root) {
  const said = new Set();
  for (const bar of root.querySelectorAll('td > div[style*="background-color"]')) {
    if (!/\d/.test(bar.closest('tr').textContent)) { said.add(`a bar without its number: “${short(bar.closest('tr').textContent)}”`); }
  }
  const strips = new Map();
  for (const span of root.querySelectorAll('span[style*="background-color"]')) {
    const color = rgba(span.style.backgroundColor);
    if (color[3] < 0.02) { continue; }
    const marks = strips.get(span.parentElement) || strips.set(span.parentElement, { spans: [], marks: new Map() }).get(span.parentElement);
    marks.spans.push(span);
    const style = getComputedStyle(span), mark = style.textDecorationLine + style.borderBottomStyle;
    const of = hue(color);
    if (!marks.marks.has(of)) { marks.marks.set(of, new Set()); }
    marks.marks.get(of).add(mark);
  }
  for (const [parent, { spans, marks }] of strips) {
    if (spans.some(span => !/\d/.test(span.title))) { said.add(`a shaded token without its number: “${short(parent.textContent)}”`); }
    if (!/\d/.test(parent.nextElementSibling?.textContent || '')) { said.add(`shaded tokens without a legend: “${short(parent.textContent)}”`); }
    const all = [...marks.values()].map(set => [...set].sort().join());
    if (marks.size > 1 && new Set(all).size < marks.size) { said.add(`shaded tokens whose sign only the color tells: “${short(parent.textContent)}”`); }
  }
  return [...said];
}

// What is drawn: outputs of each cell, in order.
function outputs(panel) {
  return panel.content.widgets.map((cell, index) => {
    if (cell.model.type !== 'code') { return null; }
    const shown = [...cell.outputArea.node.querySelectorAll(':scope > .jp-OutputArea-child > .jp-OutputArea-output')];
    const saved = cell.model.outputs.length;
    return { index, saved, trusted: cell.model.trusted, shown: shown.map(node => {
      const box = node.getBoundingClientRect();
      const pictures = [...node.querySelectorAll('img')];
      return { height: box.height, broken: pictures.filter(i => !i.complete || !i.naturalWidth).length };
    }) };
  }).filter(Boolean);
}
function inOutputs(panel, check) {
  return panel.content.widgets.flatMap((cell, index) => {
    const areas = cell.model.type === 'code' ? [...cell.outputArea.node.querySelectorAll('.jp-OutputArea-output')] : [];
    return areas.flatMap(node => check(node)).map(text => `cell ${index}: ${text}`);
  });
}
const inTexts = (panel, check) => panel.content.widgets.flatMap((cell, index) =>
  cell.model.type === 'markdown' ? [...cell.node.querySelectorAll('.jp-RenderedMarkdown')].flatMap(node => check(node)).map(text => `cell ${index}: ${text}`) : []);

// An SVG on its own page: text inside the picture, apart from other text, dark enough on what is drawn below it.
async function svg(source) {
  document.body.innerHTML = source;
  const root = document.querySelector('svg'), frame = root.getBoundingClientRect(), said = new Set();
  root.style.cssText += ';position:absolute;left:0;top:0';
  const texts = [...root.querySelectorAll('text')].filter(t => t.textContent.trim());
  const boxes = texts.map(t => {
    const m = t.getCTM(), b = t.getBBox(), at = (x, y) => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f];
    const corners = [at(b.x, b.y), at(b.x + b.width, b.y), at(b.x + b.width, b.y + b.height), at(b.x, b.y + b.height)];
    const angle = Math.atan2(m.b, m.a), cos = Math.cos(-angle), sin = Math.sin(-angle);
    const turned = corners.map(([x, y]) => [x * cos - y * sin, x * sin + y * cos]), xs = turned.map(p => p[0]), ys = turned.map(p => p[1]);
    return { t, at, b, corners, angle, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
  });
  const { width, height } = frame;
  for (const { t, corners } of boxes) {
    if (corners.some(([x, y]) => x < -1 || y < -1 || x > width + 1 || y > height + 1)) { said.add(`text beyond the picture: “${short(t.textContent)}”`); }
  }
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((a, i) => {
    for (let j = i + 1; j < boxes.length && boxes[j].top < a.bottom; j++) {
      const b = boxes[j], w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      const small = Math.min((a.right - a.left) * (a.bottom - a.top), (b.right - b.left) * (b.bottom - b.top));
      if (Math.abs(a.angle - b.angle) < 0.01 && w > 1 && h > 3 && w * h > 0.1 * small) {
        said.add(`text over text: “${short(a.t.textContent)}” and “${short(b.t.textContent)}”`);
      }
    }
  });
  const bare = root.cloneNode(true), inks = texts.map(t => rgba(getComputedStyle(t).fill));
  bare.querySelectorAll('text').forEach(t => t.remove());
  const image = new Image();
  image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(new XMLSerializer().serializeToString(bare));
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.ceil(width), height: Math.ceil(height) });
  const g = canvas.getContext('2d', { willReadFrequently: true });
  g.fillStyle = '#fff';
  g.fillRect(0, 0, width, height);
  g.drawImage(image, 0, 0);
  const pixels = g.getImageData(0, 0, canvas.width, canvas.height).data;
  for (const { t, at, b } of boxes) {
    const ink = inks[texts.indexOf(t)];
    let pale = 0, all = 0, worst = 21;
    for (let i = 0.5; i < 24; i++) {
      for (let j = 1.5; j < 8; j++) { // the middle rows, where the strokes are
        const [x, y] = at(b.x + b.width * i / 24, b.y + b.height * j / 9), p = 4 * (Math.round(y) * canvas.width + Math.round(x));
        if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height || p < 0 || p + 2 >= pixels.length) { continue; }
        const ratio = contrast(ink.slice(0, 3), [pixels[p], pixels[p + 1], pixels[p + 2]]);
        all++;
        pale += ratio < LEAST ? 1 : 0;
        worst = Math.min(worst, ratio);
      }
    }
    if (pale > 0.3 * all) { said.add(`contrast ${worst.toFixed(2)} on ${Math.round(100 * pale / all)} % of “${short(t.textContent)}”`); } // a line may cross: two rows of seven
  }
  const strokes = new Map();
  for (const path of root.querySelectorAll('path[stroke]')) {
    const of = hue(rgba(path.getAttribute('stroke')));
    if (of !== 'gray') { (strokes.get(of) || strokes.set(of, new Set()).get(of)).add(path.getAttribute('stroke-dasharray') || 'whole'); }
  }
  const dashes = [...strokes.values()].map(set => [...set].sort().join());
  if (strokes.size > 1 && new Set(dashes).size < strokes.size) { said.add('lines whose meaning only the color tells: ' + [...strokes.keys()].join(', ')); }
  if (root.querySelector('image') && texts.filter(t => /\d/.test(t.textContent)).length < 2) { said.add('a map of colors without numbers'); }
  return [...said];
}

// The colors that a page paints on its canvas, where no text can be asked.
function canvasColors() {
  const style = getComputedStyle(document.documentElement), color = name => rgba(style.getPropertyValue('--' + name).trim()).slice(0, 3), said = [];
  for (const back of ['back', 'band']) {
    for (const ink of ['ink', 'faint']) {
      const ratio = contrast(color(ink), color(back));
      if (ratio < LEAST) { said.push(`contrast ${ratio.toFixed(2)}: --${ink} on --${back}`); }
    }
    for (const fill of ['plus', 'minus', 'feature', 'error', 'token', 'output', 'bias', 'channel', 'mark']) {
      const ratio = contrast(color(fill), color(back)); // 3 for what is no text (WCAG 2, 1.4.11)
      if (ratio < 3) { said.push(`contrast ${ratio.toFixed(2)}, below 3: --${fill} on --${back}`); }
    }
  }
  return said;
}
return { paleText, clippedText, unnamed, colorAlone, outputs, inOutputs, inTexts, svg, canvasColors };
})();
