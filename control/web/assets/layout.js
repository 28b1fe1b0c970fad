// Where tiles go: pure arithmetic, so that it is tested by table.

const aspect = 16 / 9;

/** Columns that make `count` tiles largest in a box, and their size; tiles turn squarer to fill the box, on phones more so. */
export function grid(count, width, height, gap = 12, narrowest = 150) {
  const squarest = width < 600 ? 1 : 4 / 3;
  let best = { columns: 1, tile_width: 0, tile_height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const room_width = (width - gap * (columns - 1)) / columns;
    const room_height = (height - gap * (rows - 1)) / rows;
    if (room_width <= 0 || room_height <= 0) continue;
    const tile_width = Math.min(room_width, room_height * aspect);
    const tile_height = Math.min(room_height, tile_width / squarest);
    if (tile_width * tile_height > best.tile_width * best.tile_height) best = { columns, tile_width, tile_height };
  }
  if (best.tile_width >= Math.min(narrowest, width)) return { ...best, scrolls: false };
  // Too small to see: let the grid scroll instead.
  const columns = Math.max(1, Math.floor((width + gap) / (narrowest + gap)));
  const tile_width = (width - gap * (columns - 1)) / columns;
  return { columns, tile_width, tile_height: tile_width / aspect, scrolls: true };
}

/**
 * Which participants get a tile when there are more than `max`: oneself, then who spoke last, then who came first.
 * The order on the screen is the order of coming, so that tiles do not dance when people talk.
 */
export function visible(participants, self, spoke_at, max = 25) {
  const by_order = [...participants].sort((a, b) => a.order - b.order);
  if (by_order.length <= max) return by_order;
  const rank = (participant) => (participant.id === self ? Infinity : (spoke_at.get(participant.id) ?? 0));
  const chosen = new Set([...by_order].sort((a, b) => rank(b) - rank(a) || a.order - b.order).slice(0, max));
  return by_order.filter((participant) => chosen.has(participant));
}

/** At most two letters that stand for a name. */
export function initials(name) {
  const parts = name.trim().split(/\s+/).filter(Boolean);
  if (parts.length === 0) return '?';
  const first = (word) => [...word][0].toUpperCase();
  return parts.length === 1 ? first(parts[0]) : first(parts[0]) + first(parts.at(-1));
}
