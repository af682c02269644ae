// Which calls of the results are selected: by their boxes, with Shift from the last one to this, and
// by keys.

/** The selected calls, by their ids. changed is called whenever they have become others. */
export function selection(changed) {
  const ids = new Set();
  let anchor = 0; // the row from which Shift goes

  /** Selects a row or not; with Shift, all from the last one to this. */
  const set = (rows, i, on, shift = false) => {
    const [from, to] = shift ? [Math.min(anchor, i), Math.max(anchor, i)] : [i, i];
    for (const row of rows.slice(from, to + 1)) {
      if (on) ids.add(row.id);
      else ids.delete(row.id);
    }
    anchor = i;
    changed();
  };
  const only = (all) => {
    ids.clear();
    for (const id of all) ids.add(id);
    changed();
  };

  return {
    has: (id) => ids.has(id),
    all: () => [...ids],
    set,
    only,
    clear: () => ids.size > 0 && only([]),
  };
}
