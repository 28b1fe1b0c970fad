// Making and changing elements: the few lines a framework would be brought in for. Never sets a style attribute (CSP).

const svg_ns = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** element('button', {class: 'round', onclick: f, 'aria-label': 'Mute'}, icon('microphone'), 'text') */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else setAttribute(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const node = document.createElementNS(svg_ns, 'svg');
  node.setAttribute('class', 'icon');
  node.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(svg_ns, 'use');
  use.setAttribute('href', `/assets/icons.svg#${name}`);
  node.append(use);
  return node;
}

export function setIcon(node, name) {
  const use = node.querySelector('use');
  const href = `/assets/icons.svg#${name}`;
  if (!use) node.prepend(icon(name));
  else if (use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** Writes only what differs, so that rendering often costs nothing and screen readers are not disturbed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? '' : value)) node.setAttribute(name, value === true ? '' : value);
}

/** A round button: icon, label for screen readers and tool tip, pressed or not. */
export function setButton(node, { symbol, label, pressed, disabled = false, shortcut }) {
  setIcon(node, symbol);
  setAttribute(node, 'aria-label', label);
  setAttribute(node, 'title', shortcut ? `${label} (${shortcut})` : label);
  if (shortcut) setAttribute(node, 'aria-keyshortcuts', shortcut);
  if (pressed !== undefined) setAttribute(node, 'aria-pressed', String(pressed));
  node.disabled = disabled;
}

/** Makes `parent` hold exactly one child per key, in order; `make(item)` once per key, `update(node, item)` each time. */
export function reconcile(parent, items, key, make, update) {
  parent.nodes ??= new Map();
  const wanted = new Set(items.map(key));
  for (const [k, node] of parent.nodes) {
    if (wanted.has(k)) continue;
    node.remove();
    parent.nodes.delete(k);
  }
  items.forEach((item, index) => {
    const k = key(item);
    let node = parent.nodes.get(k);
    if (!node) {
      node = make(item);
      parent.nodes.set(k, node);
    }
    // Moving a <video> pauses it: only move what is out of place.
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
    update(node, item);
  });
}
