// A model's modules as a tree that can be folded and filtered. Rows only; knows nothing of how they look.

export const COLUMNS = ["class", "own", "total", "dtype", "device", "state", "shared", "held", "shape"];
const OPEN_ROWS = 60; // a model opens as deep as this many rows allow

/**
 * @typedef {object} Packed what nbtrain/widgets/wire.py makes of a description
 * @property {string[]} names last part of each path, depth first
 * @property {number[]} depths
 * @property {Record<string, number[]>} numbers own, total
 * @property {Record<string, string[]>} words different values of each text column
 * @property {Record<string, number[]>} codes index into `words`, one a row
 */

export class TreeModel {
  /** @param {Packed} packed */
  constructor(packed) {
    const { names, depths, numbers, words, codes } = packed;
    this.length = names.length;
    this.names = names;
    this.depths = depths;
    /** @type {Record<string, any[]>} */
    this.cells = { own: numbers.own, total: numbers.total };
    for (const column of Object.keys(words)) this.cells[column] = codes[column].map((code) => words[column][code]);
    this.parents = new Int32Array(this.length).fill(-1);
    this.hasChildren = new Uint8Array(this.length);
    /** @type {string[]} */
    this.paths = new Array(this.length);
    this._link();
    this.collapsed = new Uint8Array(this.length);
    this.gradients = new Float32Array(this.length).fill(NaN);
    this.ratios = new Float32Array(this.length).fill(NaN);
    this.hasLive = false;
    this._filter = "";
    this._match = /** @type {Uint8Array | null} */ (null);
    this._openAFew();
  }

  _link() {
    /** @type {number[]} */
    const open = [];
    for (let i = 0; i < this.length; i++) {
      open.length = this.depths[i];
      const parent = open.length ? open[open.length - 1] : -1;
      this.parents[i] = parent;
      if (parent >= 0) this.hasChildren[parent] = 1;
      this.paths[i] = parent >= 0 && this.paths[parent] ? `${this.paths[parent]}.${this.names[i]}` : this.names[i];
      open.push(i);
    }
  }

  /** Fold every module below the deepest level that fits. */
  _openAFew() {
    /** @type {number[]} */
    const perDepth = [];
    for (const depth of this.depths) perDepth[depth] = (perDepth[depth] ?? 0) + 1;
    let [depth, rows] = [0, perDepth[0] ?? 0];
    while (depth + 1 < perDepth.length && rows + perDepth[depth + 1] <= OPEN_ROWS) rows += perDepth[++depth];
    const deepest = Math.max(1, depth);
    for (let i = 0; i < this.length; i++) this.collapsed[i] = this.depths[i] >= deepest ? 1 : 0;
  }

  /** @param {string} text part of a path or class; empty shows all */
  filter(text) {
    this._filter = text.trim().toLowerCase();
    this._match = null;
    if (!this._filter) return;
    this._match = new Uint8Array(this.length);
    for (let i = this.length - 1; i >= 0; i--) {
      const hit = `${this.paths[i]} ${this.cells.class[i]} ${this.cells.state[i]}`.toLowerCase().includes(this._filter);
      if (hit) this._match[i] = 2;
      if (this._match[i] && this.parents[i] >= 0 && !this._match[this.parents[i]]) this._match[this.parents[i]] = 1;
    }
  }

  get matches() {
    return this._match ? this._match.reduce((n, m) => n + (m === 2 ? 1 : 0), 0) : this.length;
  }

  /** @param {number} row whether it was found itself, not only something below it */
  isMatch(row) {
    return this._match === null || this._match[row] === 2;
  }

  /** @returns {number[]} rows to show, in order; a filter opens what holds a match */
  visible() {
    const rows = [];
    let hiddenBelow = Infinity;
    for (let i = 0; i < this.length; i++) {
      const depth = this.depths[i];
      if (this._match) {
        if (this._match[i]) rows.push(i);
        continue;
      }
      if (depth > hiddenBelow) continue;
      hiddenBelow = this.collapsed[i] ? depth : Infinity;
      rows.push(i);
    }
    return rows;
  }

  /** @param {boolean} collapsed */
  foldAll(collapsed) {
    for (let i = 0; i < this.length; i++) this.collapsed[i] = collapsed && this.depths[i] >= 1 ? 1 : 0;
  }

  /** @param {[number, ...any[]][]} rows row index, then the cells in the order of COLUMNS */
  patch(rows) {
    for (const [row, ...cells] of rows) COLUMNS.forEach((column, i) => (this.cells[column][row] = cells[i]));
  }

  /** @param {Uint32Array} rows @param {Float32Array} gradients @param {Float32Array} ratios */
  setLive(rows, gradients, ratios) {
    for (let i = 0; i < rows.length; i++) {
      this.gradients[rows[i]] = gradients[i];
      this.ratios[rows[i]] = ratios[i];
    }
    this.hasLive ||= rows.length > 0;
    this._sums = null;
  }

  /** Gradient norm of a module with all below it (root of the sum of squares), and its largest update ratio. */
  live() {
    if (this._sums) return this._sums;
    const squares = new Float64Array(this.length);
    const norm = new Float32Array(this.length).fill(NaN);
    const ratio = new Float32Array(this.length).fill(NaN);
    const seen = new Uint8Array(this.length);
    for (let i = this.length - 1; i >= 0; i--) {
      const own = this.gradients[i];
      if (own === own) {
        squares[i] += own * own;
        seen[i] = 1;
      }
      const mine = this.ratios[i];
      if (mine === mine && !(ratio[i] >= mine)) ratio[i] = mine;
      if (seen[i]) norm[i] = Math.sqrt(squares[i]);
      const parent = this.parents[i];
      if (parent < 0) continue;
      if (seen[i]) {
        squares[parent] += squares[i];
        seen[parent] = 1;
      }
      if (ratio[i] === ratio[i] && !(ratio[parent] >= ratio[i])) ratio[parent] = ratio[i];
    }
    this._sums = { norm, ratio };
    return this._sums;
  }
}
