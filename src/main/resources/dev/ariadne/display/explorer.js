'use strict';
(() => {
// The page gets plain data and shows it; whatever text is in it goes through textContent, never through HTML.
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const { id, label, kind, row, column, x, y, value, influence, from, to, weight } = data;
const count = id.length, canvas = $('canvas'), index = new Map(id.map((name, i) => [name, i]));
const AXIS_X = 66, AXIS_Y = 24, SHOWN = 15, KINDS = ['feature', 'error', 'token', 'output', 'bias', 'channel', 'at rest'];
const FONT = '11px Helvetica, Arial, "Noto Sans", "Noto Sans CJK SC", sans-serif';
const GROUP_COLORS = ['#a67c00', '#bf3989', '#1b7c83', '#cf222e', '#4d8c2a', '#8250df', '#bc4c00', '#0969da'];

// What the reader adds. It survives a reload in this browser, as long as the file says the same as when it was added.
const storage = 'ariadne.graph.' + data.key, base = JSON.stringify(data.marks);
let marks = fresh();
try {
  const stored = JSON.parse(localStorage.getItem(storage));
  if (stored && stored.base === base) { marks = known(stored.marks); }
} catch (e) { /* no storage here: what is added lasts as long as the page */ }

function fresh() { return known(JSON.parse(base)); }
function known(m) {
  const ids = list => (list || []).filter(one => index.has(one));
  const texts = map => Object.fromEntries(Object.entries(map || {}).filter(([one]) => index.has(one)));
  return { pinned: ids(m.pinned), groups: (m.groups || []).map(g => ({ name: String(g.name), ids: ids(g.ids) })),
    labels: texts(m.labels), notes: texts(m.notes), threshold: m.threshold ?? null };
}
function save() {
  try { localStorage.setItem(storage, JSON.stringify({ base, marks })); } catch (e) { /* as above */ }
}

// Links come strongest first; so do those of each node.
const inputs = Array.from({ length: count }, () => []), outputs = Array.from({ length: count }, () => []);
for (let e = 0; e < from.length; e++) { outputs[from[e]].push(e); inputs[to[e]].push(e); }
const strongest = from.length ? Math.abs(weight[0]) : 1;

let chosen = [], hovered = -1, found = null, links = 0, visible = [], ranked = [], seen = new Uint8Array(count), tree;
let transform = d3.zoomIdentity, layer = document.createElement('canvas'), layerAt = transform, cost = 0, queued = false, settle = 0;
const most = Math.max(0, ...influence.filter(v => v !== null));

const name = i => marks.labels[id[i]] || label[i] || id[i];
const place = i => (data.layers[row[i]] ?? '') + ' · “' + data.tokens[column[i]] + '” (' + column[i] + ')';
const number = v => Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-3) ? v.toExponential(2) : v.toFixed(Math.abs(v) >= 100 ? 1 : 3);
const signed = v => (v < 0 ? '−' : '+') + number(Math.abs(v));
const groupOf = i => marks.groups.findIndex(g => g.ids.includes(id[i]));

function prune() {
  const limit = +$('prune').value, kept = new Set([...marks.pinned, ...marks.groups.flatMap(g => g.ids)]);
  visible = [];
  for (let i = 0; i < count; i++) {
    seen[i] = influence[i] === null || influence[i] <= limit || kept.has(id[i]) || kind[i] === 2 || kind[i] === 3 ? 1 : 0;
    if (seen[i]) { visible.push(i); }
  }
  const rank = i => influence[i] ?? (kind[i] === 3 ? -1 : 2);
  ranked = visible.filter(i => (label[i] || marks.labels[id[i]]) && kind[i] !== 1 && kind[i] !== 2 && kind[i] !== 6).sort((a, b) => rank(a) - rank(b));
  tree = d3.quadtree(visible, i => x[i], i => y[i]);
  $('pruned').textContent = limit.toFixed(2) + ': ' + visible.length + ' of ' + count + ' nodes';
  budget();
}
function budget() {
  links = Math.round(Math.expm1(+$('many').value * Math.log1p(from.length)));
  $('drawn').textContent = links + ' of ' + from.length;
}

// Drawing. The picture is kept as a bitmap: while it moves, and would take long to draw, the bitmap moves instead.
const color = {};
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const key of ['back', 'ink', 'faint', 'rule', 'band', 'plus', 'minus', 'mark', ...KINDS]) { color[key] = style.getPropertyValue('--' + key.replace(' ', '-')).trim(); }
}
function size() {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(box.width * ratio)), h = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== w || canvas.height !== h) { canvas.width = layer.width = w; canvas.height = layer.height = h; }
  return { w: box.width, h: box.height, ratio };
}
function redraw() {
  if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; picture(); }); }
}
function move() {
  if (cost < 10) { redraw(); return; }
  if (!queued) { queued = true; requestAnimationFrame(() => { queued = false; blit(); }); }
  clearTimeout(settle);
  settle = setTimeout(redraw, 90);
}
function picture() {
  const start = performance.now(), s = size(), g = layer.getContext('2d');
  g.setTransform(s.ratio, 0, 0, s.ratio, 0, 0);
  g.fillStyle = color.back;
  g.fillRect(0, 0, s.w, s.h);
  bands(g, s);
  g.save();
  g.translate(transform.x, transform.y);
  g.scale(transform.k, transform.k);
  backgroundLinks(g);
  ownLinks(g);
  nodes(g);
  g.restore();
  names(g, s);
  layerAt = transform;
  blit();
  cost = performance.now() - start;
}
function blit() {
  const s = size(), g = canvas.getContext('2d'), k = transform.k / layerAt.k;
  g.setTransform(1, 0, 0, 1, 0, 0);
  g.fillStyle = color.back;
  g.fillRect(0, 0, canvas.width, canvas.height);
  g.setTransform(k, 0, 0, k, (transform.x - layerAt.x * k) * s.ratio, (transform.y - layerAt.y * k) * s.ratio);
  g.drawImage(layer, 0, 0);
  g.setTransform(s.ratio, 0, 0, s.ratio, 0, 0);
  axes(g, s);
}
function bands(g, s) {
  g.fillStyle = color.band;
  data.rows.forEach((r, i) => { if (i % 2) { g.fillRect(0, transform.applyY(r[0]), s.w, r[1] * transform.k); } });
  g.fillStyle = color.rule;
  data.columns.forEach(c => g.fillRect(transform.applyX(c[0]), 0, 1, s.h));
}
function stroke(g, edges, alpha, width, bent) {
  for (const minus of [false, true]) {
    g.beginPath();
    for (const e of edges) {
      if ((weight[e] < 0) === minus) {
        const a = from[e], b = to[e], middle = (y[a] + y[b]) / 2;
        g.moveTo(x[a], y[a]);
        if (bent) { g.bezierCurveTo(x[a], middle, x[b], middle, x[b], y[b]); } else { g.lineTo(x[b], y[b]); }
      }
    }
    g.globalAlpha = alpha;
    g.lineWidth = width / transform.k;
    g.setLineDash(minus ? [5 / transform.k, 3 / transform.k] : []);
    g.strokeStyle = minus ? color.minus : color.plus;
    g.stroke();
  }
  g.globalAlpha = 1;
  g.setLineDash([]);
}
function backgroundLinks(g) {
  const buckets = [[], [], []];
  for (let e = 0, drawn = 0; e < from.length && drawn < links; e++) {
    if (seen[from[e]] && seen[to[e]]) {
      const share = Math.abs(weight[e]) / strongest;
      buckets[share > 0.3 ? 0 : share > 0.08 ? 1 : 2].push(e);
      drawn++;
    }
  }
  const dim = chosen.length ? 0.25 : 1;
  [[0.7, 1.6], [0.45, 1], [0.22, 0.6]].forEach(([alpha, width], i) => stroke(g, buckets[i], alpha * dim, width, links < 3000));
}
function ownLinks(g) {
  const own = chosen.flatMap(i => [...inputs[i], ...outputs[i]]).filter(e => seen[from[e]] && seen[to[e]]);
  if (hovered >= 0 && !chosen.includes(hovered)) { own.push(...inputs[hovered].slice(0, SHOWN), ...outputs[hovered].slice(0, SHOWN)); }
  const top = Math.max(1e-300, ...own.slice(0, 5000).map(e => Math.abs(weight[e])));
  const buckets = [[], [], []];
  own.slice(0, 5000).forEach(e => buckets[Math.abs(weight[e]) > top * 0.4 ? 0 : Math.abs(weight[e]) > top * 0.1 ? 1 : 2].push(e));
  [[0.95, 3], [0.8, 1.6], [0.4, 0.8]].forEach(([alpha, width], i) => stroke(g, buckets[i], alpha, width, true));
}
function shape(g, i, r) {
  if ((kind[i] === 0 || kind[i] > 4) && r * transform.k > 2.5) { g.moveTo(x[i] + r, y[i]); g.arc(x[i], y[i], r, 0, 6.2832); }
  else if (kind[i] === 1) { g.moveTo(x[i], y[i] - r); g.lineTo(x[i] + r, y[i]); g.lineTo(x[i], y[i] + r); g.lineTo(x[i] - r, y[i]); g.closePath(); }
  else { g.rect(x[i] - r, y[i] - r, 2 * r, 2 * r); }
}
function nodes(g) {
  const r = data.radius;
  for (let k = 0; k < KINDS.length; k++) {
    for (const faint of found ? [true, false] : [false]) {
      g.beginPath();
      for (const i of visible) { if (kind[i] === k && (!found || found.has(i) !== faint)) { shape(g, i, r); } }
      g.globalAlpha = faint ? 0.12 : 0.9;
      g.fillStyle = color[KINDS[k]];
      g.fill();
    }
  }
  g.globalAlpha = 1;
  const ring = (i, style, width) => { g.beginPath(); shape(g, i, r * 1.45); g.lineWidth = width / transform.k; g.strokeStyle = style; g.stroke(); };
  marks.groups.forEach((group, at) => group.ids.forEach(one => { if (seen[index.get(one)]) { ring(index.get(one), GROUP_COLORS[at % 8], 3); } }));
  marks.pinned.forEach(one => ring(index.get(one), color.ink, 1.5));
  chosen.forEach(i => ring(i, color.mark, 3));
  if (hovered >= 0) { ring(hovered, color.ink, 2); }
}
function names(g, s) {
  // A name is written where it covers no other and no node: first of what the reader looks at, then of what influences most.
  g.font = FONT;
  g.textBaseline = 'middle';
  const boxes = [], first = new Set([...chosen, ...marks.groups.flatMap(m => m.ids.map(one => index.get(one))), ...marks.pinned.map(one => index.get(one))]);
  const rest = transform.k * data.radius > 3 ? ranked.filter(i => !first.has(i)) : [];
  const r = data.radius * transform.k;
  let written = 0, tried = 0;
  for (const i of [...first, ...rest]) {
    const px = transform.applyX(x[i]), py = transform.applyY(y[i]);
    if (!seen[i] || px < AXIS_X || px > s.w || py < 0 || py > s.h - AXIS_Y || (found && !found.has(i))) { continue; }
    if (written > 300 || tried++ > 1500) { break; }
    const text = name(i).length > 28 ? name(i).slice(0, 27) + '…' : name(i), w = g.measureText(text).width;
    const places = [[px + r + 4, py], [px - w / 2, py - r - 9], [px - r - w - 4, py], [px - w / 2, py + r + 9]].filter(at => at[0] > AXIS_X && at[0] + w < s.w);
    let at = places.find(([left, middle]) => isFree(left, middle, w, boxes, i));
    if (!at && first.has(i)) { at = places[0]; }
    if (at) {
      boxes.push([at[0], at[1], w]);
      written++;
      g.globalAlpha = 0.75;
      g.fillStyle = color.back;
      g.fillRect(at[0] - 1, at[1] - 6, w + 2, 12);
      g.globalAlpha = 1;
      g.fillStyle = color.ink;
      g.fillText(text, at[0], at[1]);
    }
  }
}
function isFree(left, middle, w, boxes, own) {
  if (boxes.some(b => left < b[0] + b[2] + 5 && b[0] < left + w + 5 && Math.abs(middle - b[1]) < 13)) { return false; }
  const reach = data.radius + 6 / transform.k;
  for (let at = left; at < left + w + 8; at += 8) {
    const near = tree.find(transform.invertX(Math.min(at, left + w)), transform.invertY(middle), reach);
    if (near !== undefined && near !== own) { return false; }
  }
  return true;
}
function axes(g, s) {
  g.globalAlpha = 0.92;
  g.fillStyle = color.back;
  g.fillRect(0, 0, AXIS_X, s.h);
  g.fillRect(0, s.h - AXIS_Y, s.w, AXIS_Y);
  g.globalAlpha = 1;
  g.fillStyle = color.faint;
  g.font = FONT;
  g.textBaseline = 'middle';
  g.textAlign = 'right';
  let last = Infinity;
  data.rows.forEach((r, i) => {
    const at = transform.applyY(r[0] + r[1] / 2);
    if (at > 0 && at < s.h - AXIS_Y && last - at >= 12) { g.fillText(data.layers[i], AXIS_X - 6, at, AXIS_X - 8); last = at; }
  });
  g.textAlign = 'center';
  data.columns.forEach((c, i) => {
    const at = transform.applyX(c[0] + c[1] / 2), room = c[1] * transform.k - 3;
    if (at > AXIS_X && at < s.w && room > 14) { g.fillText(data.tokens[i], at, s.h - AXIS_Y / 2, room); }
  });
  g.textAlign = 'left';
}

// Choosing.
function choose(list, center) {
  chosen = list;
  if (center && list.length) {
    const i = list[list.length - 1], s = size(), px = transform.applyX(x[i]), py = transform.applyY(y[i]);
    if (px < AXIS_X || px > s.w || py < 0 || py > s.h - AXIS_Y) { d3.select(canvas).call(zoom.translateTo, x[i], y[i]); }
  }
  if (list.length === 1) { $('live').textContent = name(list[0]) + ', ' + KINDS[kind[list[0]]] + ', ' + place(list[0]); } else if (list.length) { $('live').textContent = list.length + ' nodes, last ' + name(list[list.length - 1]); }
  side();
  redraw();
}
function sums(edges, end) {
  // Links of several chosen nodes are added up; links among them are left out.
  const by = new Map();
  for (const e of edges) { if (!chosen.includes(end[e])) { by.set(end[e], (by.get(end[e]) || 0) + weight[e]); } }
  return [...by].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
}
function element(tag, text, attributes = {}, ...children) {
  const made = document.createElement(tag);
  if (text) { made.textContent = text; }
  for (const [key, v] of Object.entries(attributes)) { key.startsWith('on') ? made.addEventListener(key.slice(2), v) : made.setAttribute(key, v); }
  made.append(...children);
  return made;
}
function linkList(title, all) {
  const box = element('div', '', { class: 'links' }, element('h2', title + ' (' + all.length + ')'));
  for (const [i, w] of all.slice(0, SHOWN)) {
    box.append(element('button', '', { onclick: () => choose([i], true), title: id[i] + ' · ' + place(i) },
      element('span', signed(w), { class: 'w ' + (w < 0 ? 'minus' : 'plus') }), element('span', name(i) + ' · ' + data.tokens[column[i]])));
  }
  return box;
}
function side() {
  const panel = $('side');
  panel.replaceChildren();
  if (!chosen.length) {
    const kinds = KINDS.map((k, at) => [k, kind.filter(v => v === at).length]).filter(k => k[1]).map(k => k[1] + ' ' + k[0] + (k[1] > 1 && k[0] !== KINDS[6] ? 's' : ''));
    panel.append(element('p', kinds.join(', ') + '; ' + from.length + ' links.'), element('p', 'Blue links push up, orange dashed ones push down. Click a node for its card and its strongest inputs and outputs; with Shift, several.', { class: 'quiet' }),
      element('p', $('keys').textContent, { class: 'quiet' }));
    return;
  }
  if (chosen.length === 1) { one(panel, chosen[0]); } else { panel.append(element('h2', chosen.length + ' nodes'), ...chosen.slice(0, 12).map(i => element('div', name(i)))); }
  panel.append(element('div', '', { class: 'row' },
    element('button', chosen.every(i => marks.pinned.includes(id[i])) ? 'unpin' : 'pin', { onclick: pin }),
    element('button', 'group as supernode', { onclick: group }),
    ...marks.groups.map((g, at) => element('button', '→ ' + g.name, { title: 'add to this supernode', onclick: () => join(at) }))));
  panel.append(linkList('strongest inputs', sums(chosen.flatMap(i => inputs[i]), from)), linkList('strongest outputs', sums(chosen.flatMap(i => outputs[i]), to)));
  if (chosen.length === 1 && data.card[chosen[0]] >= 0) { panel.append(cardOf(chosen[0])); }
}
function one(panel, i) {
  const text = (map, key) => event => { const v = event.target.value; if (v) { map[key] = v; } else { delete map[key]; } save(); prune(); desk(); redraw(); };
  panel.append(element('div', KINDS[kind[i]] + ' ' + id[i], { class: 'quiet' }), element('div', place(i)),
    element('input', '', { type: 'text', 'aria-label': 'label', placeholder: label[i] || 'label', value: marks.labels[id[i]] || '', oninput: text(marks.labels, id[i]) }),
    element('textarea', marks.notes[id[i]] || '', { 'aria-label': 'note', placeholder: 'note', oninput: text(marks.notes, id[i]) }));
  const facts = [];
  if (value[i] !== null) { facts.push((kind[i] === 3 ? 'probability ' : 'activation ') + number(value[i])); }
  if (influence[i] !== null) { facts.push('cumulative influence ' + influence[i].toFixed(3)); }
  if (facts.length) { panel.append(element('div', facts.join(', '))); }
}
function cardOf(i) {
  const card = element('details', '', { open: '' }, element('summary', 'feature card'));
  card.insertAdjacentHTML('beforeend', data.cards[data.card[i]]); // static HTML that the writer has escaped
  return card;
}
function pin() {
  const all = chosen.every(i => marks.pinned.includes(id[i]));
  chosen.forEach(i => { marks.pinned = marks.pinned.filter(one => one !== id[i]); if (!all) { marks.pinned.push(id[i]); } });
  changed();
}
function group() {
  const ids = chosen.map(i => id[i]);
  marks.groups.forEach(g => { g.ids = g.ids.filter(one => !ids.includes(one)); });
  marks.groups = marks.groups.filter(g => g.ids.length);
  marks.groups.push({ name: name(chosen[0]), ids });
  changed();
  $('desk').querySelectorAll('.rename')[marks.groups.length - 1].click(); // a new supernode wants a name
}
function join(at) {
  const ids = chosen.map(i => id[i]);
  marks.groups.forEach(g => { g.ids = g.ids.filter(one => !ids.includes(one)); });
  marks.groups[at].ids.push(...ids);
  marks.groups = marks.groups.filter(g => g.ids.length);
  changed();
}
function changed() { save(); prune(); side(); desk(); redraw(); }
function desk() {
  const box = $('desk');
  box.replaceChildren();
  marks.groups.forEach((g, at) => {
    const dot = element('i');
    dot.style.background = GROUP_COLORS[at % 8];
    box.append(element('span', '', { class: 'chip' }, dot,
      element('button', g.name + ' (' + g.ids.length + ')', { onclick: () => choose(g.ids.map(one => index.get(one)), true) }),
      element('button', '✎', { class: 'rename', title: 'rename', onclick: event => rename(event, g) }),
      element('button', '×', { title: 'dissolve this supernode', onclick: () => { marks.groups.splice(at, 1); changed(); } })));
  });
  marks.pinned.forEach(one => box.append(element('span', '', { class: 'chip' }, element('button', name(index.get(one)), { title: one, onclick: () => choose([index.get(one)], true) }),
    element('button', '×', { title: 'unpin', onclick: () => { marks.pinned = marks.pinned.filter(p => p !== one); changed(); } }))));
  if (!box.childNodes.length) { box.append(element('span', 'nothing pinned or grouped yet', { class: 'quiet' })); }
}
function rename(event, g) {
  const field = element('input', '', { type: 'text', size: 24, value: g.name, 'aria-label': 'name of the supernode', onblur: done, onkeydown: key => { if (key.key === 'Enter') { canvas.focus(); } } });
  function done() { g.name = field.value || g.name; changed(); }
  event.target.replaceWith(field);
  field.select();
}
function find() {
  const words = $('find').value.trim().toLowerCase();
  found = null;
  $('live').textContent = '';
  if (words) {
    found = new Set(visible.filter(i => (name(i) + '\n' + label[i] + '\n' + id[i] + '\n' + data.tokens[column[i]] + '\n' + (marks.notes[id[i]] || '')).toLowerCase().includes(words)));
    $('live').textContent = found.size + ' found';
  }
  redraw();
}

// What was added, as the file format has it.
function exported() {
  return JSON.stringify({ slug: data.key, qParams: { pinnedIds: marks.pinned, supernodes: marks.groups.map(g => [g.name, ...g.ids]), linkType: 'both',
    clickedId: chosen.length === 1 ? id[chosen[0]] : '', clerps: Object.entries(marks.labels), notes: Object.entries(marks.notes),
    ...(marks.threshold === null ? {} : { pruningThreshold: marks.threshold }) } }, null, 2);
}
function copy() {
  const text = exported(), done = () => flash($('copy'), 'copied');
  const area = element('textarea', text, { style: 'position:fixed;top:0;opacity:0' });
  const byHand = () => { document.body.append(area); area.select(); document.execCommand('copy'); area.remove(); done(); };
  navigator.clipboard ? navigator.clipboard.writeText(text).then(done, byHand) : byHand();
}
function download() {
  const link = element('a', '', { download: data.key.replace(/[^\w.-]+/g, '_') + '-annotations.json', href: 'data:application/json;charset=utf-8,' + encodeURIComponent(exported()) });
  link.click();
  flash($('download'), 'saved');
}
function flash(button, text) {
  const before = button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1200);
}

// Moving about.
const zoom = d3.zoom().scaleExtent([0.02, 40]).filter(event => !event.button && (event.type !== 'dblclick'))
  .on('zoom', event => { transform = event.transform; move(); });
function fit() {
  const s = size(), k = Math.min((s.w - AXIS_X - 14) / data.width, (s.h - AXIS_Y - 8) / data.height, 4);
  const at = d3.zoomIdentity.translate(AXIS_X + Math.max(0, (s.w - AXIS_X - data.width * k) / 2), Math.max(4, (s.h - AXIS_Y - data.height * k) / 2)).scale(k);
  d3.select(canvas).call(zoom.transform, at);
}
function under(event) {
  const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top;
  if (px < AXIS_X || py > box.height - AXIS_Y) { return -1; }
  const [wx, wy] = transform.invert([px, py]);
  return tree.find(wx, wy, Math.max(data.radius * 1.5, 9 / transform.k)) ?? -1;
}
function step(dx, dy, more) {
  if (!chosen.length) { choose([visible[visible.length - 1]], true); return; }
  const at = chosen[chosen.length - 1];
  let best = -1, least = Infinity;
  for (const i of visible) {
    const ahead = (x[i] - x[at]) * dx + (y[i] - y[at]) * dy, aside = Math.abs((x[i] - x[at]) * dy) + Math.abs((y[i] - y[at]) * dx);
    if (i !== at && ahead > 0.5 && (!found || found.has(i)) && ahead + 3 * aside < least) { least = ahead + 3 * aside; best = i; }
  }
  if (best >= 0) { choose(more ? [...chosen.filter(i => i !== best), best] : [best], true); }
}
canvas.addEventListener('pointermove', event => {
  const at = event.buttons ? -1 : under(event), tip = $('tip'), box = canvas.getBoundingClientRect();
  canvas.style.cursor = at >= 0 ? 'pointer' : 'grab';
  tip.hidden = at < 0;
  if (at >= 0) {
    const direct = chosen.length === 1 ? [...inputs[at].filter(e => from[e] === chosen[0]), ...outputs[at].filter(e => to[e] === chosen[0])] : [];
    tip.textContent = name(at) + '\n' + place(at) + (direct.length ? '\nlink with the chosen node ' + signed(weight[direct[0]]) : '');
    tip.style.left = Math.min(event.clientX - box.left + 14, box.width - 220) + 'px';
    tip.style.top = (event.clientY - box.top + 12) + 'px';
  }
  if (at !== hovered) { hovered = at; redraw(); }
});
canvas.addEventListener('pointerleave', () => { $('tip').hidden = true; if (hovered >= 0) { hovered = -1; redraw(); } });
canvas.addEventListener('click', event => {
  const at = under(event);
  if (at < 0) { choose([]); } else if (event.shiftKey) { choose(chosen.includes(at) ? chosen.filter(i => i !== at) : [...chosen, at]); } else { choose([at]); }
});
canvas.addEventListener('dblclick', event => { if (under(event) >= 0) { pin(); } });
document.addEventListener('keydown', event => {
  if (/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) { if (event.key === 'Escape') { if (event.target === $('find')) { event.target.value = ''; find(); } event.target.blur(); canvas.focus(); } return; }
  if (event.ctrlKey || event.metaKey || event.altKey) { return; }
  const onButton = event.target.tagName === 'BUTTON' || event.target.tagName === 'SUMMARY';
  const prunes = by => { $('prune').value = +$('prune').value + by; $('prune').dispatchEvent(new Event('input')); };
  const keys = { ArrowUp: () => step(0, -1, event.shiftKey), ArrowDown: () => step(0, 1, event.shiftKey), ArrowLeft: () => step(-1, 0, event.shiftKey), ArrowRight: () => step(1, 0, event.shiftKey), p: pin, g: () => chosen.length && group(),
    '/': () => $('find').focus(), '+': () => d3.select(canvas).call(zoom.scaleBy, 1.3), '-': () => d3.select(canvas).call(zoom.scaleBy, 1 / 1.3), 0: fit,
    '[': () => prunes(-0.01), ']': () => prunes(0.01), Escape: () => { $('find').value = ''; find(); choose([]); } };
  if (!onButton) { keys.Enter = () => chosen.length && pin(); }
  if (keys[event.key]) { keys[event.key](); event.preventDefault(); event.stopPropagation(); }
});
$('find').addEventListener('input', find);
$('find').addEventListener('keydown', event => { if (event.key === 'Enter' && found && found.size) { choose([...found].slice(0, 1), true); } });
$('prune').addEventListener('input', () => { marks.threshold = +$('prune').value; save(); prune(); find(); });
$('many').addEventListener('input', () => { budget(); redraw(); });
$('fit').addEventListener('click', fit);
$('copy').addEventListener('click', copy);
$('download').addEventListener('click', download);
$('reset').addEventListener('click', () => { marks = fresh(); start(); changed(); });
$('theme').addEventListener('click', () => theme(document.documentElement.dataset.theme !== 'dark'));

// Light or dark: as the notebook around this page is, else as the system is; the button overrules both.
function theme(dark) { document.documentElement.dataset.theme = dark ? 'dark' : 'light'; readColors(); redraw(); }
function follow() {
  const system = matchMedia('(prefers-color-scheme: dark)');
  try {
    const body = window.parent !== window && window.parent.document.body;
    const dark = body && (body.dataset.jpThemeLight ? () => body.dataset.jpThemeLight === 'false' // JupyterLab
      : body.dataset.vscodeThemeKind ? () => !body.dataset.vscodeThemeKind.endsWith('light') : null); // VS Code
    if (dark) {
      const read = () => theme(dark());
      new MutationObserver(read).observe(body, { attributes: true, attributeFilter: ['data-jp-theme-light', 'data-vscode-theme-kind'] });
      read();
      return;
    }
  } catch (e) { /* the page around is not ours to read */ }
  system.addEventListener('change', () => theme(system.matches));
  theme(system.matches);
}
function start() {
  $('prune').max = Math.ceil(most * 100) / 100;
  $('prune').value = marks.threshold ?? $('prune').max;
  $('many').value = Math.min(1, Math.log1p(Math.min(count > 2000 ? 400 : 1200, from.length)) / Math.max(1e-9, Math.log1p(from.length)));
  $('pruning').hidden = most === 0;
}
$('title').textContent = $('title').title = data.title;
start();
follow();
prune();
side();
desk();
d3.select(canvas).call(zoom).on('dblclick.zoom', null);
fit();
picture();
new ResizeObserver(() => { size(); redraw(); }).observe(canvas);
document.documentElement.dataset.opened = Math.round(performance.now());
})();
