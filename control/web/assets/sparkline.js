// A small line of the last minutes, as SVG. No axes: the figure beside it is the scale.

const ns = 'http://www.w3.org/2000/svg';
const width = 300;
const height = 56;

/** Pure: the path of `values`, newest at the right edge of a history of `length`; the top is `highest`. */
export function linePath(values, length, highest) {
  const step = width / (length - 1);
  const first = length - values.length;
  const y = (value) => (height - 2 - (height - 6) * (highest > 0 ? value / highest : 0)).toFixed(1);
  return values.map((value, index) => `${index ? 'L' : 'M'}${((first + index) * step).toFixed(1)} ${y(value)}`).join('');
}

export class Sparkline {
  #values = [];
  #length;
  #line = document.createElementNS(ns, 'path');
  #area = document.createElementNS(ns, 'path');

  constructor(length = 120) {
    this.#length = length;
    this.node = document.createElementNS(ns, 'svg');
    this.node.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.node.setAttribute('preserveAspectRatio', 'none');
    this.node.setAttribute('class', 'sparkline');
    this.node.setAttribute('aria-hidden', 'true');
    this.#line.setAttribute('class', 'spark-line');
    this.#area.setAttribute('class', 'spark-area');
    this.node.append(this.#area, this.#line);
  }

  get highest() {
    return Math.max(0, ...this.#values);
  }

  add(value) {
    this.#values.push(Number.isFinite(value) ? value : 0);
    if (this.#values.length > this.#length) this.#values.shift();
    const path = linePath(this.#values, this.#length, this.highest);
    const left = (this.#length - this.#values.length) * (width / (this.#length - 1));
    this.#line.setAttribute('d', path);
    this.#area.setAttribute('d', `${path}L${width} ${height}L${left.toFixed(1)} ${height}Z`);
  }
}
